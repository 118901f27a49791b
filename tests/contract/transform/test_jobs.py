"""The application's own view of transform jobs and of their files, against the local AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse
from sluice.batch.run import BatchRun
from sluice.errors import RetryableError
from sluice.spec.serving import Batch
from sluice.transform.files import BatchFiles
from sluice.transform.input_listing import BatchInput
from sluice.transform.jobs import TransformRefusedError, Transforms
from sluice.transform.request import TransformJobRequest, transform_request

from localaws.tests.contract.services.sagemaker.serving.account import BUCKET, Account, eventually
from tests.builders.aws_clients import translating
from tests.fakes.aws_state import START

ROOT = Path(__file__).parents[3]
FOLDER = "batch/fraud/input/"
ROWS = "id1,0.1,0.2,0.3\nid2,0.4,0.5,0.6\nid3,0.7,0.8,0.9"


@pytest.fixture
def files(account: Account) -> BatchFiles:
    return BatchFiles(translating(account.aws.client("s3")), BUCKET)


@pytest.fixture
def transforms(account: Account) -> Transforms:
    return Transforms(translating(account.aws.client("sagemaker")))


def job(name: str, source: str, model: str = "low") -> TransformJobRequest:
    return TransformJobRequest(
        name=name,
        model=model,
        source=source,
        source_type="ManifestFile",
        output=f"s3://{BUCKET}/batch/fraud/output/{name}/",
        instance_type="ml.m5.large",
    )


@pytest.mark.parametrize("keeps_prefix", [False, True], ids=["below the output folder", "below the input's prefix"])
def test_exactly_the_files_of_a_manifest_are_scored_and_their_answers_found(
    account: Account,
    files: BatchFiles,
    transforms: Transforms,
    monkeypatch: pytest.MonkeyPatch,
    *,
    keeps_prefix: bool,
) -> None:
    monkeypatch.setattr(account.aws.context.choices, "transform_output_keeps_prefix", keeps_prefix)
    name = f"scored-{keeps_prefix}".lower()
    for key in [each.key for each in files.below(FOLDER)]:
        account.aws.client("s3").delete_object(Bucket=BUCKET, Key=key)
    for path in ("a.csv", "a.csv.out", "märz 1/a+b.csv"):
        account.put(FOLDER + path, ROWS + "\n" * (path == "a.csv"))
    account.put(FOLDER + "empty.csv", "")
    given = BatchInput.of(FOLDER, files.below(FOLDER))
    assert [each.key for each in given.files] == [FOLDER + path for path in ("a.csv", "a.csv.out", "märz 1/a+b.csv")]
    account.put(FOLDER + "late.csv", ROWS)
    manifest = account.put("batch/fraud/manifests/1.manifest", given.native(BUCKET))
    request = transform_request(job(name, manifest), Batch(instance_count=2, input_filter="$[1:]"))

    assert transforms.create(request)
    assert not transforms.create(request), "the same name is the same job"
    done = eventually(lambda: transforms.describe(name), lambda found: found and found.has_ended)
    assert done is not None
    assert (done.status, done.instance_type, done.instance_count) == ("Completed", "ml.m5.large", 2)
    assert done.seconds is not None
    assert done.seconds > 0

    output = f"batch/fraud/output/{name}/"
    written = [each.key for each in files.below(output)]
    found = given.outputs(output, written)
    outputs = [found[each.key] for each in given.files]
    assert written == outputs, "nothing but what was there at first"
    assert all(key.startswith(output + "input/") is keeps_prefix for key in written)
    for each, answers in zip(given.files, outputs, strict=True):
        assert (files.count_lines(each.key, each.etag), files.count_lines(answers)) == (3, 3)
    joined = [line.rsplit(",", 1)[0] for line in files.lines(outputs[2])]
    assert joined == ROWS.split("\n")


@pytest.mark.parametrize("reading", ["merge", "replace"])
def test_a_job_keeps_the_environment_of_its_model(
    account: Account, files: BatchFiles, transforms: Transforms, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    """Without it the container would not find the code that answers with its process id."""
    monkeypatch.setattr(account.aws.context.choices, "added_environment", reading)
    name = f"scripted-{reading}"
    account.model(name, "script-low")
    account.put("batch/scripted/input/a.csv", "0.1,0.2,0.3")
    given = BatchInput.of("batch/scripted/input/", files.below("batch/scripted/input/"))
    manifest = account.put("batch/scripted/manifests/1.manifest", given.native(BUCKET))
    request = transform_request(job(name, manifest, model=name), Batch(join_input=False))
    assert request["Environment"], "and it has something of its own"
    transforms.create(request)
    done = eventually(lambda: transforms.describe(name), lambda found: found and found.has_ended)
    assert done is not None
    assert done.status == "Completed"
    (output,) = files.below(f"batch/fraud/output/{name}/")
    (line,) = files.lines(output.key)
    assert len(line.split()) == 2, "process id and score"


def test_a_file_that_was_overwritten_or_deleted_has_no_rows_to_compare(account: Account, files: BatchFiles) -> None:
    account.put(FOLDER + "changing.csv", ROWS)
    (before,) = files.below(FOLDER + "changing.csv")
    assert files.count_lines(before.key, before.etag) == 3
    files.write(before.key, "id1,0,0,0\n")
    assert files.count_lines(before.key, before.etag) is None
    assert files.count_lines(before.key) == 1
    assert files.count_lines("batch/fraud/nowhere.csv") is None
    assert list(files.lines("batch/fraud/nowhere.csv")) == []


def test_more_files_than_a_page_holds_are_all_found(account: Account, files: BatchFiles) -> None:
    for number in range(1_001):
        account.put(f"batch/many/input/{number}.csv", "1")
    assert len(list(files.below("batch/many/input/"))) == 1_001


def test_a_job_that_can_never_run_is_distinguished_from_one_that_is_not_there(
    account: Account, transforms: Transforms
) -> None:
    manifest = account.put("batch/fraud/manifests/2.manifest", "[]")
    with pytest.raises(TransformRefusedError):
        transforms.create(transform_request(job("refused", manifest, model="gone"), Batch()))
    assert transforms.describe("refused") is None
    transforms.stop("refused")


def test_a_job_is_stopped_once(account: Account, files: BatchFiles, transforms: Transforms) -> None:
    account.put("batch/slow/input/a.csv", "\n".join(["0.1,0.2,0.3"] * 5_000))
    given = BatchInput.of("batch/slow/input/", files.below("batch/slow/input/"))
    manifest = account.put("batch/slow/manifests/3.manifest", given.native(BUCKET))
    transforms.create(transform_request(job("slow", manifest), Batch(records_per_request="one")))
    transforms.stop("slow")
    transforms.stop("slow")
    ended = eventually(lambda: transforms.describe("slow"), lambda found: found and found.has_ended)
    assert ended is not None
    assert ended.status == "Stopped"
    transforms.stop("slow")


def test_what_is_kept_is_read_back() -> None:
    run = BatchRun(
        job="j", model="fraud", request="r", requested_at=START, phase="completed", ended_at=START, rows_in=1
    )
    assert BatchRun.parse(run.to_json()) == run
    running = dataclasses.replace(run, ended_at=None)
    assert BatchRun.parse(running.to_json()) == running
    given = BatchInput(folder="f/", files=())
    assert BatchInput.parse(given.text()) == given


def expiring_tags() -> list[dict[str, str]]:
    """By which the shipped bucket deletes objects."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    rules = template["Resources"]["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (found,) = [rule["TagFilters"] for rule in rules if "TagFilters" in rule and rule["ExpirationInDays"] == 90]
    return list(found)


@pytest.mark.parametrize("size", [0, 5, (16 << 20) - 1, 33 << 20], ids=["nothing", "little", "one part", "three parts"])
def test_a_file_is_written_while_its_bytes_come_and_read_in_the_version_that_was_listed(
    account: Account, files: BatchFiles, size: int
) -> None:
    key = f"batch/fraud/prepared/job/{size} + a.csv"
    chunks = [bytes([at % 251]) * min(1 << 20, size - at) for at in range(0, size, 1 << 20)]
    files.write_chunks(key, iter(chunks))
    (found,) = files.below(key)
    assert found.size == size
    read = files.chunks(key, found.etag)
    assert read is not None
    assert b"".join(read) == b"".join(chunks)
    tags = account.aws.client("s3").get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    assert tags == expiring_tags(), "else it would stay for ever"
    files.write_chunks(key, [b"other"])
    assert files.chunks(key, found.etag) is None


def test_a_file_whose_bytes_end_early_is_not_there_and_leaves_no_parts(account: Account, files: BatchFiles) -> None:
    def broken() -> Iterator[bytes]:
        yield b"1" * (40 << 20)
        raise RetryableError("S3 stopped sending")

    with pytest.raises(RetryableError):
        files.write_chunks("batch/fraud/prepared/job/broken.csv", broken())
    assert list(files.below("batch/fraud/prepared/job/broken.csv")) == []
    assert "Uploads" not in account.aws.client("s3").list_multipart_uploads(Bucket=BUCKET)


ODD = ("a+b.csv", "a%2Bb.csv", "a b?versionId=1#.csv", "caf\u00e9.csv", "cafe\u0301.csv", "'<&>\".csv", "n" * 255)


def test_files_with_odd_keys_are_copied_scored_and_their_answers_found_each_for_itself(
    account: Account, files: BatchFiles, transforms: Transforms
) -> None:
    for number, path in enumerate(ODD):
        account.put(f"batch/fraud/odd/{path}", f"title\nid{number},0.1,0.2,0.3\n")
    folder = "batch/fraud/prepared/odd/"
    for each in files.below("batch/fraud/odd/"):
        chunks = files.chunks(each.key, each.etag)
        assert chunks is not None
        files.write_chunks(folder + each.key.removeprefix("batch/fraud/odd/"), [b"".join(chunks).partition(b"\n")[2]])
    given = BatchInput.of(folder, files.below(folder))
    manifest = account.put("batch/fraud/manifests/odd.manifest", given.native(BUCKET))
    request = transform_request(job("odd-keys", manifest), Batch(input_filter="$[1:]"))
    assert transforms.create(request)
    done = eventually(lambda: transforms.describe("odd-keys"), lambda found: found and found.has_ended)
    assert done is not None
    assert done.status == "Completed", done.reason
    output = request["TransformOutput"]["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
    answers = given.outputs(output, [each.key for each in files.below(output)])
    for number, path in enumerate(ODD):
        (line,) = files.lines(answers[folder + path])
        assert line.startswith(f"id{number},0.1,0.2,0.3,")


def test_where_a_job_keeps_carriage_returns_they_stand_before_the_joined_answers(
    account: Account, files: BatchFiles, transforms: Transforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why a run that joins gets copies without them: see ``sluice.transform.input_check``."""
    monkeypatch.setattr(account.aws.context.choices, "transform_keeps_carriage_returns", True)
    account.put("batch/fraud/returns/a.csv", ROWS.replace("\n", "\r\n"))
    given = BatchInput.of("batch/fraud/returns/", files.below("batch/fraud/returns/"))
    manifest = account.put("batch/fraud/manifests/returns.manifest", given.native(BUCKET))
    request = transform_request(job("returns", manifest), Batch(input_filter="$[1:]"))
    assert transforms.create(request)
    done = eventually(lambda: transforms.describe("returns"), lambda found: found and found.has_ended)
    assert done is not None
    assert done.status == "Completed", done.reason
    (output,) = files.below("batch/fraud/output/returns/")
    assert [line.count("\r,") for line in files.lines(output.key)] == [1, 1, 0]
