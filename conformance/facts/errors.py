"""The errors that Sluice tells apart by their code or their text."""

from __future__ import annotations

from collections.abc import Callable

from conformance.account import Account, refusal
from conformance.fact import Fact, Observation, confirmed_if
from conformance.hosting import make_model


def _refused(call: Callable[[], object], code: str, text: str = "") -> Observation:
    """Confirmed if AWS refuses the call with this code and a message that contains this text."""
    error = refusal(call)
    if error is None:
        return confirmed_if(False, "it was accepted")
    holds = error.response["Error"].get("Code") == code and text.lower() in str(error).lower()
    return confirmed_if(holds, str(error))


def unknown_endpoint(account: Account) -> Observation:
    """Describe an endpoint that does not exist."""
    name, describe = account.name("none"), account.client("sagemaker").describe_endpoint
    return _refused(lambda: describe(EndpointName=name), "ValidationException", "Could not find endpoint")


def unknown_config(account: Account) -> Observation:
    """Describe an endpoint config that does not exist."""
    name, describe = account.name("none"), account.client("sagemaker").describe_endpoint_config
    wanted = "Could not find endpoint configuration"
    return _refused(lambda: describe(EndpointConfigName=name), "ValidationException", wanted)


def unknown_model(account: Account) -> Observation:
    """Describe a model that does not exist."""
    name, describe = account.name("none"), account.client("sagemaker").describe_model
    return _refused(lambda: describe(ModelName=name), "ValidationException", "Could not find model")


def existing_model(account: Account) -> Observation:
    """Create a model twice."""
    name = make_model(account, "twice")
    wanted = "Cannot create already existing model"
    return _refused(lambda: _again(account, name), "ValidationException", wanted)


def _again(account: Account, name: str) -> object:
    sagemaker = account.client("sagemaker")
    found = sagemaker.describe_model(ModelName=name)
    container = {key: found["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl")}
    return sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=found["ExecutionRoleArn"]
    )


def unknown_pipeline(account: Account) -> Observation:
    """Start a pipeline that does not exist."""
    name, start = account.name("none"), account.client("sagemaker").start_pipeline_execution
    return _refused(lambda: start(PipelineName=name), "ResourceNotFound")


def unknown_scalable_target(account: Account) -> Observation:
    """Deregister a variant of an endpoint that does not exist."""
    resource = f"endpoint/{account.name('none')}/variant/none"
    target = {"ResourceId": resource, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    deregister = account.client("application-autoscaling").deregister_scalable_target
    return _refused(lambda: deregister(ServiceNamespace="sagemaker", **target), "ObjectNotFoundException")


FACTS = (
    Fact(
        name="unknown-endpoint",
        statement='DescribeEndpoint of an unknown name is a ValidationException that says "Could not find endpoint".',
        matters="The first rollout of a model is told by it, and that a deletion is complete.",
        check=unknown_endpoint,
    ),
    Fact(
        name="unknown-config",
        statement='DescribeEndpointConfig of an unknown name says "Could not find endpoint configuration".',
        matters="A deletion that is repeated is told by it.",
        check=unknown_config,
    ),
    Fact(
        name="unknown-model",
        statement='DescribeModel of an unknown name says "Could not find model".',
        matters="A deletion that is repeated is told by it.",
        check=unknown_model,
    ),
    Fact(
        name="existing-model",
        statement='CreateModel of a name in use is refused with "Cannot create already existing model".',
        matters="A creation that is repeated after a crash is told by it.",
        check=existing_model,
    ),
    Fact(
        name="unknown-pipeline",
        statement="StartPipelineExecution of an unknown pipeline is ResourceNotFound.",
        matters="A model without a pipeline is told by it.",
        check=unknown_pipeline,
    ),
    Fact(
        name="unknown-scalable-target",
        statement="DeregisterScalableTarget of a variant that is not registered is ObjectNotFoundException.",
        matters="A deregistration that is repeated is told by it; the right to do it, by any refusal but of access.",
        check=unknown_scalable_target,
    ),
)
