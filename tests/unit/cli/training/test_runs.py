"""``sluice runs`` and ``lineage`` tell what was made of what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.pipeline_runs.run import PipelineRun
from sluice.pipeline_runs.store import RunStore
from sluice.training.manifest import File, Manifest, complete_key, native_key

from cli.failures import BadInputError, NotFoundError
from cli.main import command_line
from cli.training.run_view import bar
from tests.builders.fake_aws import BUCKET, FakeAws
from tests.builders.run_examples import ARN, GATE, cached, later, refused, running, succeeded
from tests.builders.spec_examples import spec_with
from tests.fakes.aws_state import START

GROUP = "sluice-dev-fraud"
FILES = (
    File(bucket=BUCKET, key="data/fraud/april.csv", version_id="a1", etag="e1", size=2048, rows=40),
    File(bucket=BUCKET, key="data/fraud/may.csv", version_id="m2", etag="e2", size=4096),
)
MANIFEST = Manifest.of("fraud", FILES)
DATA = f"s3://{BUCKET}/{native_key('fraud', MANIFEST.digest)}"


class Kept:
    """A table of which only the writing of runs is used: what it writes can be queried."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def set(self, key: dict[str, str], changes: dict[str, str], _condition: str, _values: dict[str, str]) -> None:
        self._aws.dynamodb.items.append({name: {"S": value} for name, value in {**key, **changes}.items()})


def keep(aws: FakeAws, *runs: PipelineRun) -> None:
    for run in runs:
        RunStore(Kept(aws)).save(run)  # type: ignore[arg-type]


def run(aws: FakeAws, *words: str, output: str = "text") -> int:
    arguments = command_line({}).parse_args(words)
    return int(arguments.run(arguments, aws.session(output)))


def told(aws: FakeAws) -> Any:
    return json.loads(aws.shown)


@pytest.fixture
def aws() -> FakeAws:
    """A run that trained fraud/7, and the same again from the cache as fraud/8."""
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    aws.s3.objects[complete_key("fraud", MANIFEST.digest)] = MANIFEST.complete().encode()
    first = replace(succeeded("aaa"), metrics={"mse": 4.5})
    again = later(cached("bbb", "aaa"), 1)
    keep(aws, *(replace(one, parameters={**one.parameters, "InputData": DATA}) for one in (first, again)))
    aws.sagemaker.groups.add(GROUP)
    for version, name in ((7, "aaa"), (8, "bbb")):
        aws.sagemaker.register(GROUP, version, MetadataProperties={"GeneratedBy": ARN + name})
    return aws


def test_runs_are_listed_with_what_came_of_them(aws: FakeAws) -> None:
    keep(aws, later(refused("ccc"), 2))
    assert run(aws, "runs", "fraud") == 0
    lines = aws.shown.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["ccc", "bbb", "aaa"]
    assert GATE in lines[2]
    assert "3 of 3" in lines[3]
    assert "fraud/8, all from the cache: the same model as fraud/7" in lines[3]
    assert "mse 4.5" in lines[4]
    assert lines[4].endswith("fraud/7")


def test_a_run_that_is_not_recorded_yet_is_listed_all_the_same(aws: FakeAws) -> None:
    aws.sagemaker.pipelines[GROUP] = {}
    aws.sagemaker.run(ARN + "ddd", {})
    aws.sagemaker.run(ARN + "eee", {})
    keep(aws, running("eee"))
    assert run(aws, "runs", "fraud", output="json") == 0
    assert {one["id"]: one["status"] for one in told(aws)["runs"]} == dict.fromkeys(
        ["aaa", "bbb", "ddd", "eee"], "Succeeded"
    )


def test_programs_are_given_the_same(aws: FakeAws) -> None:
    run(aws, "runs", "fraud", output="json")
    newest = told(aws)["runs"][0]
    assert (newest["id"], newest["version"], newest["same_model_as"]) == ("bbb", "fraud/8", "fraud/7")
    assert newest["cache_hits"] == ["PreprocessData", "TrainModel", "EvaluateModel"]
    assert newest["input_data"] == DATA


def test_a_run_is_drawn_with_its_steps_on_a_time_line(aws: FakeAws) -> None:
    assert run(aws, "runs", "show", "fraud", "aa") == 0
    assert "Run aaa of fraud: Succeeded in 0:01:00" in aws.shown
    steps = [line for line in aws.shown.splitlines() if "█" in line]
    starts = [line.index("█") for line in steps]
    assert starts == sorted(starts)
    assert [line.count("█") for line in steps] == [8, 12, 3, 1, 1]
    assert "0:00:29" in steps[1]


def test_cached_steps_are_drawn_otherwise(aws: FakeAws) -> None:
    assert run(aws, "runs", "show", "fraud") == 0
    assert "Run bbb" in aws.shown
    assert aws.shown.count("from the cache, of run aaa") == 3
    assert "░" in aws.shown


def test_a_missed_gate_is_shown_with_its_message(aws: FakeAws) -> None:
    keep(aws, later(refused("ccc"), 2))
    assert run(aws, "runs", "show", "fraud", "ccc") == 0
    assert aws.shown.count(GATE) == 2  # as the outcome, and at the step


def test_a_run_shown_to_a_program_has_its_steps(aws: FakeAws) -> None:
    run(aws, "runs", "show", "fraud", "aaa", output="json")
    shown = told(aws)
    assert [step["name"] for step in shown["steps"]][:2] == ["PreprocessData", "TrainModel"]
    assert shown["metrics"] == {"mse": 4.5}


@pytest.mark.parametrize(("wanted", "message"), [("x", "There is no run x"), ("", "There is no run of fraud; there")])
def test_a_run_that_is_not_there_lists_the_others(aws: FakeAws, wanted: str, message: str) -> None:
    if not wanted:
        aws.dynamodb.items.clear()
    with pytest.raises(NotFoundError, match=message):
        run(aws, "runs", "show", "fraud", *filter(None, [wanted]))


def test_an_id_that_begins_several_runs_names_them(aws: FakeAws) -> None:
    keep(aws, later(refused("aab"), 2))
    with pytest.raises(NotFoundError, match="2 runs of fraud begin with aa; there are: aab, aaa"):
        run(aws, "runs", "show", "fraud", "aa")


def test_other_words_are_bad_input(aws: FakeAws) -> None:
    with pytest.raises(BadInputError, match="sluice runs show"):
        run(aws, "runs", "fraud", "aaa")


def test_a_run_names_the_key_that_missed_the_cache(aws: FakeAws) -> None:
    """As SageMaker compares them: of a processing job AppSpecification, Environment and ProcessingInputs."""
    keep(aws, later(succeeded("ccc"), 2))
    for name, code, minutes in (("aaa", "1", "5"), ("ccc", "2", "9")):
        aws.sagemaker.run(ARN + name, {}, tuple((step.name, step.status) for step in succeeded(name).steps))
        for listed in aws.sagemaker.executions[0]["steps"][:3]:
            kind = "TrainingJob" if listed["StepName"] == "TrainModel" else "ProcessingJob"
            listed["Metadata"] = {kind: {"Arn": f"arn:job/{name}-{listed['StepName']}"}}
        location = {"InputName": "code", "S3Input": {"S3Uri": f"s3://b/code/{code}/scripts/"}}
        given = {"ProcessingInputs": [location], "StoppingCondition": {"MaxRuntimeInSeconds": minutes}}
        aws.sagemaker.jobs[f"{name}-PreprocessData"] = given
        aws.sagemaker.jobs[f"{name}-EvaluateModel"] = {}
        aws.sagemaker.jobs[f"{name}-TrainModel"] = {"HyperParameters": {"eta": "0.2"}}
    assert run(aws, "runs", "show", "fraud", "ccc", output="json") == 0
    assert told(aws)["cache_misses"] == [
        {
            "step": "PreprocessData",
            "run": "aaa",
            "key": "ProcessingInputs.code.S3Input.S3Uri",
            "before": "s3://b/code/1/scripts/",
            "now": "s3://b/code/2/scripts/",
        }
    ]


def test_a_step_that_runs_reaches_to_the_end_of_the_line() -> None:
    _, training = running().steps
    assert bar(training, START, START + timedelta(seconds=42)) == " " * 12 + "█" * 12
    assert bar(training, START, START) == ""


def test_a_version_leads_to_its_files_code_and_run(aws: FakeAws) -> None:
    assert run(aws, "lineage", "fraud/8") == 0
    assert ARN + "bbb" in aws.shown
    assert "the same model as fraud/7" in aws.shown
    assert DATA in aws.shown
    assert "Eta=0.2" in aws.shown
    files = [line.split() for line in aws.shown.splitlines() if "data/fraud/" in line]
    assert files == [
        ["data/fraud/april.csv", "a1", "e1", "2,048", "40"],
        ["data/fraud/may.csv", "m2", "e2", "4,096"],
    ]


def test_lineage_outlives_the_record_and_the_pipeline(aws: FakeAws) -> None:
    aws.dynamodb.items.clear()
    aws.sagemaker.register(
        GROUP,
        8,
        MetadataProperties={"GeneratedBy": ARN + "bbb"},
        CustomerMetadataProperties={"sluice.data": DATA, "sluice.code": "s3://code"},
    )
    run(aws, "lineage", "fraud/8", output="json")
    shown = told(aws)
    assert (shown["run"], shown["data"], shown["code"], shown["contract"]) == (None, DATA, "s3://code", None)
    assert [file["version_id"] for file in shown["files"]] == ["a1", "m2"]


def test_a_version_registered_by_hand_has_no_origin(aws: FakeAws) -> None:
    aws.sagemaker.register(GROUP, 9)
    assert run(aws, "lineage", "fraud/9") == 0
    assert "registered by hand" in aws.shown


@pytest.mark.parametrize("name", ["data/fraud/may.csv", f"s3://{BUCKET}/data/fraud/may.csv?versionId=m2"])
def test_a_file_leads_to_the_versions_made_of_it(aws: FakeAws, name: str) -> None:
    run(aws, "lineage", name, output="json")
    assert [(one["version"], one["file"]["version_id"]) for one in told(aws)["runs"]] == [
        ("fraud/8", "m2"),
        ("fraud/7", "m2"),
    ]


@pytest.mark.parametrize(
    "name", ["data/fraud/june.csv", "data/fraud/may.csv?versionId=m1", "s3://x/data/fraud/may.csv"]
)
def test_a_file_that_no_run_has_read_is_not_found(aws: FakeAws, name: str) -> None:
    with pytest.raises(NotFoundError, match="No run of fraud has read"):
        run(aws, "lineage", name)


@pytest.mark.parametrize(
    "key", ["data/fraud/why?.csv", "data/fraud/a?versionId=b.csv", "data/fraud/q?x=1&y=#2+ 3%.csv"]
)
def test_a_key_with_a_question_mark_leads_to_its_versions(aws: FakeAws, key: str) -> None:
    manifest = Manifest.of("fraud", (replace(FILES[0], key=key),))
    aws.s3.objects[complete_key("fraud", manifest.digest)] = manifest.complete().encode()
    data = f"s3://{BUCKET}/{native_key('fraud', manifest.digest)}"
    keep(aws, replace(later(succeeded("ccc"), 2), parameters={"InputData": data}))
    for name in (key, f"s3://{BUCKET}/{key}?versionId=a1"):
        aws.screen.truncate(0)
        aws.screen.seek(0)
        assert run(aws, "lineage", name, output="json") == 0
        shown = told(aws)
        assert (shown["key"], [one["id"] for one in shown["runs"]]) == (key, ["ccc"])


def test_what_is_no_training_data_is_bad_input(aws: FakeAws) -> None:
    with pytest.raises(BadInputError, match="data/MODEL/FILE"):
        run(aws, "lineage", f"s3://{BUCKET}/code/x.py")
