"""Asynchronous requests on the deployed stack: from `sluice invoke-async` to a result, or to a parked failure."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from sluice.async_inference.runtime import AsyncPlaces

from cli.main import main
from localaws.default_services import shipped_services
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.runtime.async_runtime import AsyncTiming
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import make_artifacts
from localaws.tests.deploying import deploy
from localaws.tests.interpreters import INTERPRETERS
from localaws.timing import Timings
from rehearsal.build import ensure_built

ROOT = Path(__file__).parents[3]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
PAYLOAD_MAX_BYTES = 40 * 2**20
MODEL = "slow"
ENDPOINT = "sluice-dev-slow"
GOOD, BAD = "0.1,0.2,0.3\n", "0.1,0.2,-0.3\n"
DEADLINE_SECONDS = 120.0
SPEC = {
    "data": {"target": "y", "columns": [{"name": "x", "type": "number"}]},
    "pipeline": {"definition": "tabular"},
    "endpoint": {
        "type": "async",
        "instance_type": "ml.m5.large",
        "async": {"max_attempts": 2, "retry_delay": "1s"},
    },
}


@dataclass(frozen=True)
class Site:
    """The deployed stack with one asynchronous endpoint, and the ``sluice`` command beside it."""

    aws: LocalAws
    stack: Stack
    folder: Path
    printed: Callable[[], str]

    @property
    def bucket(self) -> str:
        return self.stack.output("DataBucketName")

    def sluice(self, *words: str) -> tuple[int, dict[str, Any]]:
        exit_code = main([*words, "--output", "json"])
        return exit_code, json.loads(self.printed())

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def object(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def invoke(self, inference_id: str, key: str, **more: str) -> None:
        """As somebody who does not use the command."""
        self.aws.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=ENDPOINT, InputLocation=f"s3://{self.bucket}/{key}", InferenceId=inference_id, **more
        )

    def settled(self, inference_id: str) -> dict[str, Any]:
        """What `sluice results show` tells of an inference once that is over."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            exit_code, told = self.sluice("results", "show", inference_id)
            if exit_code == 0 and told["status"] in ("ready", "parked"):
                return told
            assert time.monotonic() < deadline, f"still {told}"
            threading.Event().wait(0.2)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalAws, Stack]]:
    timings = Timings(
        hosting=HostingTiming(settle_seconds=0.2, health_check_seconds=60),
        asynchronous=AsyncTiming(payload_max_bytes=PAYLOAD_MAX_BYTES),
    )
    run_dir = tmp_path_factory.mktemp("run")
    with (
        LocalAws(run_dir, INTERPRETERS, services=lambda context: shipped_services(context, timings)) as aws,
        pytest.MonkeyPatch.context() as environment,
    ):
        stack = deploy(aws, ensure_built(ROOT), "sluice-dev", {"Stage": "dev"})
        artifacts = make_artifacts(tmp_path_factory.mktemp("models"))
        bucket = stack.output("DataBucketName")
        aws.client("s3").put_object(Bucket=bucket, Key="pipelines/slow.tar.gz", Body=artifacts["script-low"])
        make_endpoint(aws, stack, bucket)
        for name, value in client_environment(aws.endpoint_url, aws.region).items():
            environment.setenv(name, value)
        apply(MODEL, run_dir)
        yield aws, stack


def apply(model: str, folder: Path) -> None:
    file = folder / f"{model}.yaml"
    file.write_text(yaml.safe_dump({**SPEC, "name": model}))
    assert main(["apply", str(file), "--pipelines", str(ROOT / "pipelines")]) == 0


def make_endpoint(aws: LocalAws, stack: Stack, bucket: str) -> None:
    """As a rollout of version 3 makes it."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName="sluice-dev-slow-3-1-model",
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{bucket}/pipelines/slow.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
        ExecutionRoleArn=stack.output("ModelRoleArn"),
    )
    places = AsyncPlaces(
        bucket=bucket,
        success_topic=str(stack.physical_id("AsyncSuccessTopic")),
        error_topic=str(stack.physical_id("AsyncErrorTopic")),
    )
    variant = {"VariantName": "v3", "ModelName": "sluice-dev-slow-3-1-model", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="sluice-dev-slow-3-1-live",
        ProductionVariants=[{**variant, "InitialInstanceCount": 1}],
        AsyncInferenceConfig=places.config(MODEL, 2),
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="sluice-dev-slow-3-1-live")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (shown := sagemaker.describe_endpoint(EndpointName=ENDPOINT))["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline, shown
        threading.Event().wait(0.1)


@pytest.fixture
def site(deployed: tuple[LocalAws, Stack], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(*deployed, tmp_path, lambda: capsys.readouterr().out)


def test_files_become_results_and_failures_are_parked_after_all_their_attempts(site: Site) -> None:
    good = [site.file(f"{number}.csv", GOOD * number) for number in range(1, 4)]
    exit_code, told = site.sluice("invoke-async", MODEL, *good, site.file("bad.csv", BAD))
    assert exit_code == 1
    *ready, parked = told["inferences"]
    for number, each in enumerate(ready, start=1):
        assert (each["status"], each["version"], each["attempts"]) == ("ready", 3, 1)
        result = site.object(each["output"])
        assert (len(result.splitlines()), len(result)) == (number, each["size_bytes"])
    assert (parked["status"], parked["attempts"]) == ("parked", 2)
    assert "server error (500)" in parked["reason"]
    assert site.object(parked["failure"]) == b"Internal Server Error"
    _, listed = site.sluice("results", "list", MODEL, "--status", "parked")
    assert parked["id"] in {each["id"] for each in listed["inferences"]}


def test_a_parked_request_is_sent_again_when_a_person_says_so(site: Site) -> None:
    _, told = site.sluice("invoke-async", MODEL, site.file("bad.csv", BAD))
    (parked,) = told["inferences"]
    bucket, _, key = parked["input"].removeprefix("s3://").partition("/")
    site.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=GOOD)  # what was wrong with it is put right
    exit_code, told = site.sluice("results", "replay", parked["id"])
    assert exit_code == 0
    again = site.settled(parked["id"])
    assert (again["status"], again["attempts"]) == ("ready", 3)
    exit_code, told = site.sluice("results", "replay", parked["id"])
    assert exit_code == 1
    assert "only a parked request" in told["error"]


def test_a_large_payload_goes_up_in_parts_and_an_object_is_copied(site: Site) -> None:
    rows = 3_000_000  # 36 MB
    large = site.file("large.csv", GOOD * rows)
    site.aws.client("s3").put_object(Bucket=site.bucket, Key="elsewhere/rows.csv", Body=GOOD)
    exit_code, told = site.sluice("invoke-async", MODEL, large, f"s3://{site.bucket}/elsewhere/rows.csv")
    assert exit_code == 0, told
    first, second = told["inferences"]
    assert site.object(first["output"]).count(b"\n") == rows
    assert second["input"].endswith(f"/async/{MODEL}/input/{second['id']}/rows.csv")


def test_what_others_invoke_is_recorded_and_failures_of_its_input_are_parked_at_once(site: Site) -> None:
    s3 = site.aws.client("s3")
    s3.put_object(Bucket=site.bucket, Key=f"async/{MODEL}/input/theirs.csv", Body=GOOD)
    s3.put_object(Bucket=site.bucket, Key="private/secret.csv", Body=GOOD)
    s3.put_object(Bucket=site.bucket, Key=f"async/{MODEL}/input/huge.csv", Body=b"1" * (PAYLOAD_MAX_BYTES + 1))
    site.invoke("theirs", f"async/{MODEL}/input/theirs.csv", ContentType="text/csv")
    site.invoke("missing", f"async/{MODEL}/input/nowhere.csv", ContentType="text/csv")
    site.invoke("forbidden", "private/secret.csv", ContentType="text/csv")
    site.invoke("huge", f"async/{MODEL}/input/huge.csv", ContentType="text/csv")
    assert site.settled("theirs")["status"] == "ready"
    for inference_id, reason in (("missing", "NoSuchKey"), ("forbidden", "AccessDenied"), ("huge", "more than the")):
        parked = site.settled(inference_id)
        assert (parked["status"], parked["attempts"]) == ("parked", 1)
        assert reason in parked["reason"]


def test_a_content_type_that_the_model_refuses_is_reported_with_its_answer(site: Site) -> None:
    _, told = site.sluice("invoke-async", MODEL, site.file("a.csv", GOOD), "--content-type", "application/xml")
    (parked,) = told["inferences"]
    assert parked["status"] == "parked"
    assert "from model" in parked["reason"]


def test_a_poison_message_ends_in_the_dead_letters_and_holds_nothing_up(site: Site) -> None:
    sqs = site.aws.client("sqs")
    queue, letters = (str(site.stack.physical_id(f"AsyncResult{name}")) for name in ("Queue", "DeadLetters"))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})  # not six minutes between tries
    sqs.send_message(QueueUrl=queue, MessageBody='{"eventName": "Unheard-of"}')
    deadline = time.monotonic() + DEADLINE_SECONDS
    found: list[Any] = []
    while not found:
        assert time.monotonic() < deadline
        found = sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=1).get("Messages", [])
    assert found[0]["Body"] == '{"eventName": "Unheard-of"}'
    exit_code, _ = site.sluice("invoke-async", MODEL, site.file("a.csv", GOOD))
    assert exit_code == 0


def sparse(site: Site) -> str:
    path = site.folder / "oversized.csv"
    with path.open("wb") as content:
        content.truncate(2**30 + 1)
    return str(path)


WRONG: dict[str, tuple[int, Callable[[Site], tuple[str, ...]], str]] = {
    "payload over the limit": (2, lambda site: (MODEL, sparse(site)), "up to 1024 MB"),
    "no such file": (2, lambda site: (MODEL, str(site.folder / "none.csv")), "there is no such file"),
    "empty file": (2, lambda site: (MODEL, site.file("empty.csv", "")), "it is empty"),
    "missing object": (1, lambda site: (MODEL, f"s3://{site.bucket}/nowhere.csv"), "there is no such object"),
    "missing bucket": (1, lambda site: (MODEL, "s3://no-such-bucket-anywhere/nowhere.csv"), "there is no such object"),
    "no key": (2, lambda site: (MODEL, f"s3://{site.bucket}"), "is no S3 object"),
    "bad content type": (2, lambda site: (MODEL, site.file("a.csv", GOOD), "--content-type", "csv"), "is none"),
    "unknown content": (2, lambda site: (MODEL, site.file("a.bin", GOOD)), "--content-type"),
    "unknown model": (1, lambda site: ("nobody", site.file("a.csv", GOOD)), "There is no model nobody"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_reported_before_anything_is_sent(site: Site, case: str) -> None:
    exit_code, words, sentence = WRONG[case]
    fine = site.file("fine.csv", GOOD)
    before = site.sluice("results", "list", MODEL)[1]["inferences"]
    model, *others = words(site)
    seen, told = site.sluice("invoke-async", model, fine, *others)
    assert seen == exit_code
    assert sentence in told["error"]
    assert site.sluice("results", "list", MODEL)[1]["inferences"] == before


def test_an_endpoint_that_is_missing_or_not_asynchronous_is_reported(site: Site) -> None:
    for name in ("absent", "prompt"):
        apply(name, site.folder)
    variant = {"VariantName": "v1", "ModelName": "sluice-dev-slow-3-1-model", "InstanceType": "ml.m5.large"}
    sagemaker = site.aws.client("sagemaker")
    sagemaker.create_endpoint_config(
        EndpointConfigName="prompt", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName="sluice-dev-prompt", EndpointConfigName="prompt")
    site.printed()
    for name, sentence in (("absent", "There is no endpoint"), ("prompt", "is not asynchronous")):
        exit_code, told = site.sluice("invoke-async", name, site.file("a.csv", GOOD))
        assert exit_code == 1
        assert sentence in told["error"]
