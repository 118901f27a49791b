"""A local AWS with hosting in it, and short ways to say what a test wants of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.autoscaling.service import AutoScaling
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.registry.registry import Registry
from localaws.services.sagemaker.resources.tags import ResourceTags
from localaws.services.sagemaker.runtime.runtime import Runtime
from localaws.tests.contract.services.sagemaker.endpoints.announced import Announced
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE
from localaws.tests.interpreters import INTERPRETERS

BUCKET = "models"
ROLE = "arn:aws:iam::123456789012:role/model"
ROLE_WITHOUT_RIGHTS = "arn:aws:iam::123456789012:role/powerless"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
RIGHTS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/captured/*"},
        {"Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:/aws/sagemaker/*"},
        {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"},
    ],
}
DEADLINE_SECONDS = 60.0


@dataclass
class Stage:
    """One local AWS and short ways to say what a test wants of it."""

    aws: LocalAws
    published: Announced

    def __post_init__(self) -> None:
        self.sagemaker = self.aws.client("sagemaker")
        self.runtime = self.aws.client("sagemaker-runtime")

    def model(self, name: str, artifact: str, role: str = ROLE, image: str = IMAGE) -> str:
        """Create a model from one of the artifacts; ``script…`` artifacts are served in script mode."""
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={
                "Image": image,
                "ModelDataUrl": f"s3://{BUCKET}/{artifact}.tar.gz",
                "Environment": script if artifact.startswith("script") else {},
            },
            ExecutionRoleArn=role,
        )
        return name

    def config(self, name: str, variants: Mapping[str, tuple[str, float]], *, instances: int = 1, **more: Any) -> str:
        """Create a config: variant → (model, weight), with as many instances each."""
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[wanted_variant(name, *what, instances) for name, what in variants.items()],
            **more,
        )
        return name

    def update(self, endpoint: str, config: str, **how: Any) -> None:
        """Ask for an update; ``settled`` awaits it."""
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **how)

    def alarm(self, name: str, state: str = "OK") -> None:
        """Create an alarm without data and set it."""
        cloudwatch = self.aws.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Test",
            MetricName="Never",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test says so")

    def settled(self, endpoint: str) -> dict[str, Any]:
        """The endpoint's description once it is settled."""
        shown: dict[str, Any] = eventually(
            lambda: self.sagemaker.describe_endpoint(EndpointName=endpoint),
            lambda shown: shown["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"),
        )
        return shown

    def create(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def announced(self, endpoint: str, count: int) -> list[tuple[str, str]]:
        """``(status, config)`` of the endpoint's events, once there are as many as ``count``."""
        found: list[tuple[str, str]] = eventually(
            lambda: self.published.statuses(endpoint), lambda statuses: len(statuses) >= count
        )
        return found

    def invoke(self, endpoint: str, row: str = "0.1,0.2,0.3", **more: Any) -> tuple[str, str]:
        """``(answer, variant that gave it)``."""
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=row.encode(), ContentType="text/csv", **more)
        return answer["Body"].read().decode(), answer["InvokedProductionVariant"]


def wanted_variant(name: str, model: str, weight: float, instances: int = 1) -> dict[str, Any]:
    """A variant as CreateEndpointConfig wants it."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
        "InitialVariantWeight": weight,
    }


def eventually(look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    """What ``look`` returns once ``is_so``; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        threading.Event().wait(0.05)
    return seen


def refusal(call: Any, **params: Any) -> str:
    """The message of the ValidationException that a call is answered with."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def staged(
    run_dir: Path, artifacts: Mapping[str, bytes], timing: HostingTiming, *, measured: bool = False
) -> Iterator[Stage]:
    """A running local AWS with hosting at ``timing`` and the artifacts in a bucket.

    ``measured``: metrics go to CloudWatch, where alarms see them, and not to ``told``.
    """
    announced = Announced()

    def services(context: Context) -> list[Service]:
        cloudwatch = CloudWatch(context)
        context.bus, context.metrics = announced, cloudwatch if measured else announced
        hosting = Hosting(context, timing)
        return [hosting, Runtime(hosting), Registry(context), ResourceTags(context), AutoScaling(context), cloudwatch]

    with LocalAws(run_dir, INTERPRETERS, services=services) as aws:
        iam, s3 = aws.client("iam"), aws.client("s3")
        for role in (ROLE, ROLE_WITHOUT_RIGHTS):
            name = role.rpartition("/")[2]
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="model", PolicyName="model", PolicyDocument=json.dumps(RIGHTS))
        s3.create_bucket(Bucket=BUCKET)
        for name, artifact in artifacts.items():
            s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=artifact)
        yield Stage(aws, announced)
