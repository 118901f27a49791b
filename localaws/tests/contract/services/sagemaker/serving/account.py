"""A local AWS for everything that serves, with a clock that tests can push, and short ways to say things."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.autoscaling.service import AutoScaling, ScalingTiming
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.events.service import EventBridge
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.jobs.jobs import Jobs
from localaws.services.sagemaker.resources.tags import ResourceTags
from localaws.services.sagemaker.runtime.async_runtime import AsyncRuntime, AsyncTiming
from localaws.services.sagemaker.runtime.runtime import Runtime
from localaws.services.sagemaker.transform.transform import transform_kind
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE
from localaws.tests.interpreters import INTERPRETERS

BUCKET = "serving"
ROLE = "arn:aws:iam::123456789012:role/serving"
ROLE_ONLY_MODELS = "arn:aws:iam::123456789012:role/only-models"
DEADLINE_SECONDS = 60.0
PAYLOAD_MAX_BYTES = 9 * 1024 * 1024  # of asynchronous requests: above the limit of the synchronous ones
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
T = TypeVar("T")


@dataclass
class Clock:
    """The real time, plus what a test has pushed it by."""

    pushed: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.pushed

    def push(self, seconds: float) -> None:
        self.pushed += timedelta(seconds=seconds)


@dataclass
class Account:
    """Clients, and what tests do again and again."""

    aws: LocalAws
    clock: Clock
    cloudwatch: CloudWatch

    def __post_init__(self) -> None:
        self.sagemaker = self.aws.client("sagemaker")
        self.runtime = self.aws.client("sagemaker-runtime")
        self.s3 = self.aws.client("s3")

    def put(self, key: str, body: str | bytes) -> str:
        """Upload an object and return its URI."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=BUCKET, Key=key.removeprefix(f"s3://{BUCKET}/"))["Body"].read().decode())

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def model(self, name: str, artifact: str, role: str = ROLE, image: str = IMAGE) -> str:
        """Create a model from one of the artifacts; ``script…`` artifacts are served in script mode."""
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={
                "Image": image,
                "ModelDataUrl": f"s3://{BUCKET}/models/{artifact}.tar.gz",
                "Environment": script if artifact.startswith("script") else {},
            },
            ExecutionRoleArn=role,
        )
        return name

    def settled(self, endpoint: str) -> dict[str, Any]:
        """The endpoint's description once it is settled."""
        return eventually(
            lambda: dict(self.sagemaker.describe_endpoint(EndpointName=endpoint)),
            lambda shown: shown["EndpointStatus"] in ("InService", "Failed"),
        )

    def endpoint(self, name: str, variant: Mapping[str, Any], **config: Any) -> dict[str, Any]:
        """Create an endpoint with one variant and a config of the same name; its description once settled."""
        instances = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        capacity = {} if "ServerlessConfig" in variant else instances
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{"VariantName": "v1", "ModelName": "low", **capacity, **variant}],
            **config,
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return self.settled(name)

    def events_queue(self, detail_type: str) -> Callable[[], list[dict[str, Any]]]:
        """From now on, collect a kind of events; call the answer for those so far."""
        url = self._queue("".join(detail_type.split()))
        arn = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        events = self.aws.client("events")
        name = "".join(detail_type.split())
        events.put_rule(Name=name, EventPattern=json.dumps({"detail-type": [detail_type]}))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])
        return self.collector(url)

    def topic(self, name: str) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
        """An SNS topic and what it published so far, as it was published."""
        sns, url = self.aws.client("sns"), self._queue(name)
        topic = sns.create_topic(Name=name)["TopicArn"]
        arn = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"], Attributes={"RawMessageDelivery": "true"}
        )
        return topic, self.collector(url)

    def collector(self, url: str) -> Callable[[], list[dict[str, Any]]]:
        sqs, seen = self.aws.client("sqs"), list[dict[str, Any]]()

        def collected() -> list[dict[str, Any]]:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                seen.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return seen

        return collected

    def datapoints(
        self, metric: str, dimensions: Mapping[str, str], statistic: str = "Sum", namespace: str = "AWS/SageMaker"
    ) -> list[float]:
        """A metric's minutes up to now, those still being collected included: the clock is pushed past them."""
        self.clock.push(60)
        now = self.clock.now()
        found = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(hours=2),
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return [point[statistic] for point in sorted(found, key=lambda point: point["Timestamp"])]

    def _queue(self, name: str) -> str:
        anyone = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
        return str(self.aws.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"])


def eventually(look: Callable[[], T], is_so: Callable[[T], object]) -> T:
    """What ``look`` returns once ``is_so``; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        threading.Event().wait(0.05)
    return seen


def opened(run_dir: Path, artifacts: Mapping[str, bytes], timing: HostingTiming) -> Iterator[Account]:
    """A running local AWS with all that serves, at ``timing``, and the models low and script-low."""
    clock = Clock()
    scaling = ScalingTiming(poll_seconds=0.1)
    async_pace = AsyncTiming(payload_max_bytes=PAYLOAD_MAX_BYTES)

    def services(context: Context) -> Sequence[Service]:
        context.now = clock.now
        metrics = context.metrics = CloudWatch(context)
        bus = context.bus = EventBridge(context)
        hosting = Hosting(context, timing)
        transforms = Jobs(context, [transform_kind(hosting.models)])
        return [
            metrics,
            bus,
            AutoScaling(context, scaling),
            hosting,
            Runtime(hosting),
            AsyncRuntime(hosting, async_pace),
            transforms,
            ResourceTags(context),
        ]

    with LocalAws(run_dir, INTERPRETERS, services=services) as aws:
        account = Account(aws, clock, next(s for s in aws.services if isinstance(s, CloudWatch)))
        aws.client("s3").create_bucket(Bucket=BUCKET)
        _make_role(aws, ROLE, "s3:*", "logs:*", "sns:Publish")
        _make_role(aws, ROLE_ONLY_MODELS, "s3:GetObject", resource=f"arn:aws:s3:::{BUCKET}/models/*")
        for name, artifact in artifacts.items():
            account.put(f"models/{name}.tar.gz", artifact)
        for name in ("low", "script-low"):
            account.model(name, name)
        yield account


def _make_role(aws: LocalAws, arn: str, *actions: str, resource: str = "*") -> None:
    name, iam = arn.rsplit("/", 1)[-1], aws.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
