"""The outcome of one request: the caller's error and the metric samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localaws.context import Context, MetricSink
from localaws.service_api import AwsError
from localaws.services.sagemaker.containers.container import ContainerResponse, SlowError, UnreachableError

NAMESPACE = "AWS/SageMaker"

InvocationOutcome = ContainerResponse | SlowError | UnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One request that was sent to an instance."""

    endpoint: str
    variant: str
    instances: int  # of the variant, at that moment; 0 for a serverless one
    outcome: InvocationOutcome
    model_seconds: float  # from sending the request to the container to having its whole answer
    overhead_seconds: float  # the rest
    deploying_config: str | None = None  # of a fleet that is being deployed

    @property
    def status(self) -> int:
        """The container's HTTP status, 0 when there was none."""
        return self.outcome.status if isinstance(self.outcome, ContainerResponse) else 0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def record(metrics: MetricSink, invocation: Invocation, publish_every_seconds: int) -> None:
    """Publish the samples of one request under its endpoint and variant.

    What a fleet answers that is being deployed appears once more with the name of its config.
    """
    variant = {"EndpointName": invocation.endpoint, "VariantName": invocation.variant}
    _record(metrics, invocation, variant, publish_every_seconds)
    if invocation.deploying_config:
        new_fleet = {**variant, "EndpointConfigName": invocation.deploying_config}
        _record(metrics, invocation, new_fleet, publish_every_seconds)


def _record(
    metrics: MetricSink, invocation: Invocation, dimensions: Mapping[str, str], publish_every_seconds: int
) -> None:
    """Record the metrics that AWS publishes for the kind of endpoint.

    Serverless: "an exhaustive list. Any metric not listed below is not published" (SageMaker developer guide, alarms
    and logs for tracking metrics from serverless endpoints), and neither InvocationModelErrors nor
    InvocationsPerInstance is listed. Asynchronous endpoints have a list of their own, see ``async_work``.
    """
    status = invocation.status
    of_instances = (
        (
            ("InvocationsPerInstance", 1.0 / invocation.instances, "None"),
            ("InvocationModelErrors", float(not invocation.is_success), "None"),
        )
        if invocation.instances
        else ()
    )
    for name, value, unit in (
        *of_instances,
        ("Invocations", 1.0, "None"),
        ("Invocation4XXErrors", float(400 <= status < 500), "None"),
        ("Invocation5XXErrors", float(status == 0 or status >= 500), "None"),
        ("ModelLatency", invocation.model_seconds * 1e6, "Microseconds"),
        ("OverheadLatency", invocation.overhead_seconds * 1e6, "Microseconds"),
    ):
        metrics.record(NAMESPACE, name, dimensions, value, unit=unit, publish_every_seconds=publish_every_seconds)


def error_of(invocation: Invocation, context: Context) -> AwsError | None:
    """What the caller gets instead of an answer; None for a success."""
    if invocation.is_success:
        return None
    outcome = invocation.outcome
    if isinstance(outcome, UnreachableError):
        return unavailable(f"The primary container of variant {invocation.variant} is down: {outcome}.")
    if isinstance(outcome, SlowError):
        return _model_error(
            invocation,
            context,
            kind="server",
            message="Your invocation timed out while waiting for a response from container primary. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        )
    kind = "client" if outcome.status < 500 else "server"
    return _model_error(invocation, context, kind=kind, message=outcome.body.decode(errors="replace"))


def unavailable(message: str) -> AwsError:
    return AwsError("ServiceUnavailable", message, 503)


def refused(message: str) -> AwsError:
    """The runtime's word for a bad request; note that it differs from the ValidationException of ``sagemaker``."""
    return AwsError("ValidationError", message)


def _model_error(invocation: Invocation, context: Context, *, kind: str, message: str) -> AwsError:
    group = f"/aws/sagemaker/Endpoints/{invocation.endpoint}"
    return AwsError(
        "ModelError",
        f'Received {kind} error ({invocation.status}) from primary with message "{message}". See '
        f"https://{context.region}.console.aws.amazon.com/cloudwatch/home?region={context.region}"
        f"#logEventViewer:group={group} in account {context.account} for more information.",
        424,
        {
            "OriginalStatusCode": invocation.status,
            "OriginalMessage": message,
            "LogStreamArn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}",
        },
    )
