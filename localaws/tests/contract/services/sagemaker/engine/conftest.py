"""A local AWS with the machine-learning engine in it, one for this folder, and what it told the event bus."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.engine import engine
from localaws.services.sagemaker.jobs.jobs import Jobs
from localaws.services.sagemaker.transform.transform import transform_kind
from localaws.tests.interpreters import INTERPRETERS

BUCKET = "lake"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ROLE = "arn:aws:iam::123456789012:role/pipeline"
ROLE_WITHOUT_PASS = "arn:aws:iam::123456789012:role/no-pass"
ROLE_WITHOUT_S3 = "arn:aws:iam::123456789012:role/no-s3"
DEADLINE_SECONDS = 60.0
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_S3 = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": "*"}
_JOBS = {"Effect": "Allow", "Action": ["sagemaker:*"], "Resource": "*"}
_PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}


@dataclass
class Announced:
    """Stands for the bus; keeps what was published, as it would go over the wire."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        event = {"source": source, "detail-type": detail_type, "detail": detail, "resources": list(resources)}
        self.events.append(json.loads(json.dumps(event)))

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        """Stands for the metrics, too: what instances of transform jobs use is published while they run."""

    def about(self, arn: str) -> list[dict[str, Any]]:
        """The events that name a resource, in order."""
        return [event for event in self.events if arn in event["resources"]]

    def wait_for(self, arn: str, **detail: str) -> None:
        """Wait for an event about ``arn`` with these members: a status can be read before its event is out."""

        def found() -> dict[str, Any] | None:
            matching = (
                event
                for event in self.about(arn)
                if all(event["detail"].get(key) == value for key, value in detail.items())
            )
            return next(matching, None)

        eventually(found)


@dataclass(frozen=True, slots=True)
class Engine:
    """Clients of the local AWS, and shorthands for what the tests do again and again."""

    aws: LocalAws
    announced: Announced

    @property
    def sagemaker(self) -> Any:
        return self.aws.client("sagemaker")

    @property
    def s3(self) -> Any:
        return self.aws.client("s3")

    def put(self, key: str, body: str | bytes) -> str:
        """Upload an object and return its URI."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def ended_job(self, kind: str, name: str) -> dict[str, Any]:
        """The description of a job once it has ended; ``kind`` is Processing or Training."""
        describe = getattr(self.sagemaker, f"describe_{kind.lower()}_job")

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = describe(**{f"{kind}JobName": name})
            return found if found[f"{kind}JobStatus"] in {"Completed", "Failed", "Stopped"} else None

        return eventually(ended)

    def ended_execution(self, arn: str) -> dict[str, Any]:
        """The description of a pipeline execution once it has ended."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return found if found["PipelineExecutionStatus"] not in {"Executing", "Stopping"} else None

        return eventually(ended)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """The steps of an execution by name."""
        found = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {step["StepName"]: step for step in found["PipelineExecutionSteps"]}


def eventually(probe: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """What ``probe`` returns once that is not None; fails at a generous deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := probe()) is None:
        assert time.monotonic() < deadline, "not within the deadline"
        threading.Event().wait(0.02)
    return found


@pytest.fixture(scope="package")
def engine_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    announced = Announced()

    def services(context: Context) -> Sequence[Service]:
        context.bus = context.metrics = announced
        hosting = Hosting(context)  # no endpoints, but clients may ask for them, and models to transform with
        transforms = Jobs(context, [transform_kind(hosting.models)])
        return [*engine(context, transforms), transforms, hosting]

    with LocalAws(tmp_path_factory.mktemp("engine"), INTERPRETERS, services=services) as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        _make_role(aws, ROLE, _S3, _JOBS, _PASS)
        _make_role(aws, ROLE_WITHOUT_PASS, _S3, _JOBS)
        _make_role(aws, ROLE_WITHOUT_S3, _JOBS, _PASS)
        yield Engine(aws, announced)


def _make_role(aws: LocalAws, arn: str, *statements: Mapping[str, Any]) -> None:
    name = arn.rsplit("/", 1)[-1]
    iam = aws.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
