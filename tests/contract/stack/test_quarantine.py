"""The shipped stack and a bad file: it is set aside with its reason, and the rest is trained on."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import main
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.tests.deploying import deploy
from localaws.tests.interpreters import INTERPRETERS
from rehearsal.build import ensure_built
from tests.builders.house_prices import house_csv

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60
GOOD, BAD = house_csv(1, 60), house_csv(2, 60).replace(b",North,", b",North,x", 1)


@dataclass
class Deployed:
    """The stack with the house-prices model applied, and all it tells."""

    aws: LocalAws
    bucket: str
    queue: str
    told: list[dict[str, Any]]

    def upload(self, name: str, content: bytes) -> str:
        """Put a file and return its version."""
        put = self.aws.client("s3").put_object(Bucket=self.bucket, Key=f"data/house-prices/{name}", Body=content)
        return str(put["VersionId"])

    def wait(self, kind: str, key: str) -> dict[str, Any]:
        """The next event of a kind that names the file, taken once."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for event in self.told:
                detail: dict[str, Any] = event["detail"]
                if event["detail-type"] == kind and key in (detail.get("key"), *detail.get("files", [])):
                    self.told.remove(event)
                    return detail
            assert time.monotonic() < deadline, f"no {kind} of {key}; there were {self.told}"
            got = self.aws.client("sqs").receive_message(QueueUrl=self.queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            self.told += [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def keys(self, prefix: str) -> list[str]:
        found = self.aws.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def content(self, key: str) -> bytes:
        body: bytes = self.aws.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as local:
        yield local


@pytest.fixture(scope="module")
def sluice(aws: LocalAws) -> Iterator[Callable[..., Any]]:
    """Runs the ``sluice`` command; its exit code and JSON document."""
    environment = {
        **client_environment(aws.endpoint_url, aws.region),
        "AWS_CONFIG_FILE": "/nonexistent",
    }

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = main([*words, "--output", "json"])
        return code, json.loads(printed.getvalue())

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield run


@pytest.fixture(scope="module")
def deployed(aws: LocalAws, sluice: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    stack = deploy(aws, ensure_built(ROOT), "sluice-dev", {"Stage": "dev"})
    queue = aws.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = aws.client("events").put_rule(Name="told", EventPattern=json.dumps({"source": ["sluice"]}))["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    aws.client("events").put_targets(Rule="told", Targets=[{"Id": "told", "Arn": arn}])
    spec = yaml.safe_load((ROOT / "models" / "house-prices.yaml").read_text())
    spec["data"] |= {"settle_seconds": 2, "mode": "latest"}
    path = tmp_path_factory.mktemp("models") / "house-prices.yaml"
    path.write_text(yaml.safe_dump(spec))
    code, told = sluice("apply", str(path), "--pipelines", str(ROOT / "pipelines"))
    assert code == 0, told
    return Deployed(aws, stack.output("DataBucketName"), queue, [])


def test_a_breach_is_set_aside_and_the_rest_is_trained(deployed: Deployed, sluice: Callable[..., Any]) -> None:
    version = deployed.upload("bad.csv", BAD)
    deployed.upload("good.csv", GOOD)
    refused = deployed.wait("DataRejected", "data/house-prices/bad.csv")
    started = deployed.wait("PipelineStarted", "data/house-prices/good.csv")
    assert started["files"] == ["data/house-prices/good.csv"]
    assert refused["quarantine"] == "quarantine/house-prices/bad.csv"
    assert deployed.keys("data/") == ["data/house-prices/good.csv"]
    assert deployed.keys("quarantine/") == [refused["quarantine"], f"{refused['quarantine']}.reason.json"]
    assert deployed.content(refused["quarantine"]) == BAD
    reason = json.loads(deployed.content(f"{refused['quarantine']}.reason.json"))
    (breach,) = reason["breaches"]
    assert (reason["version_id"], breach["rule"], breach["column"], breach["count"]) == (version, "type", "price", 1)
    line = BAD.splitlines()[breach["rows"][0] - 1]
    assert line.endswith(breach["examples"][0].encode())

    code, listed = sluice("data", "quarantine", "house-prices")
    assert (code, [each["file"] for each in listed["quarantine"]]) == (0, ["bad.csv"])
    assert "column 'price'" in listed["quarantine"][0]["reason"]

    # Once more as it is: judged anew, and refused again.
    assert sluice("data", "replay", "house-prices", "bad.csv")[0] == 0
    assert deployed.wait("DataRejected", "data/house-prices/bad.csv")["version_id"] != version
    _settle(lambda: deployed.keys("data/") == ["data/house-prices/good.csv"])
    assert len(deployed.keys("quarantine/")) == 2


def test_a_corrected_file_goes_back_and_is_trained_on(
    deployed: Deployed, sluice: Callable[..., Any], tmp_path: Path
) -> None:
    deployed.upload("worse.csv", BAD)
    deployed.wait("DataRejected", "data/house-prices/worse.csv")
    assert sluice("data", "replay", "house-prices", "gone.csv")[0] == 1
    broken, corrected = tmp_path / "broken.csv", tmp_path / "corrected.csv"
    broken.write_bytes(BAD)
    corrected.write_bytes(BAD.replace(b",North,x", b",North,"))
    code, told = sluice("data", "replay", "house-prices", "worse.csv", "--with", str(broken))
    assert code == 2
    assert "breaks the data contract as well: type: column 'price'" in told["error"]
    assert sluice("data", "replay", "house-prices", "worse.csv", "--with", str(corrected))[0] == 0
    assert "quarantine/house-prices/worse.csv" not in deployed.keys("quarantine/")
    assert deployed.wait("PipelineStarted", "data/house-prices/worse.csv")["new_file_count"] == 1


def _longest(name: str) -> str:
    """A path below the model's folder whose key has all the 1,024 bytes that S3 allows."""
    folders = "/".join(["n" * 200] * 4) + "/"
    return folders + name.rjust(1024 - len("data/house-prices/") - len(folders), "x")


def test_keys_are_read_as_themselves_or_set_aside_with_the_reason(
    deployed: Deployed, sluice: Callable[..., Any]
) -> None:
    good = [
        "a+b.csv",
        "a%2Bb.csv",
        "a b.csv",
        "a?versionId=1#.csv",
        "caf\u00e9.csv",
        "cafe\u0301.csv",
        _longest(".csv"),
    ]
    for name in good:
        deployed.upload(name, GOOD)
    unfit = {"deep//a.csv": "an empty part", "../a.csv": "the part '..'", "a\x1b[1m.csv": "a control character"}
    for name in unfit:
        deployed.upload(name, GOOD)
    deployed.upload(_longest("-bad.csv"), BAD)
    for name, problem in unfit.items():
        key = f"data/house-prices/{name}"
        refused = deployed.wait("DataRejected", key)
        assert problem in refused["reason"]
        assert deployed.content(refused["quarantine"]) == GOOD
        _settle(partial(_is_gone, deployed, key))  # the event comes before the file is taken away
        code, told = sluice("data", "replay", "house-prices", name)
        assert (code, problem in told["error"]) == (2, True)
    longest = deployed.wait("DataRejected", f"data/house-prices/{_longest('-bad.csv')}")
    assert deployed.content(longest["quarantine"]) == BAD
    name = longest["quarantine"].removeprefix("quarantine/house-prices/")
    code, told = sluice("data", "replay", "house-prices", name)
    assert (code, told["uploaded"]) == (0, f"s3://{deployed.bucket}/data/house-prices/{_longest('-bad.csv')}")
    deployed.wait("DataRejected", f"data/house-prices/{_longest('-bad.csv')}")
    missing = {f"data/house-prices/{name}" for name in good}
    while missing:  # in one run, or in two if the first one was quicker than the last upload
        missing -= set(deployed.wait("PipelineStarted", min(missing))["files"])


def _is_gone(deployed: Deployed, key: str) -> bool:
    return key not in deployed.keys("data/")


def _settle(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
