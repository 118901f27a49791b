"""What SageMaker Pipelines takes as a definition, and what an execution answers. No step here starts an instance."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from conformance.account import Account, refusal
from conformance.fact import Fact, Observation, confirmed_if, still_open

SHIPPED = Path(__file__).parents[2] / "pipelines" / "tabular" / "definition.json"
REPORT = {"Get": "Steps.Evaluate.PropertyFiles.Report"}
MSE = {"Std:JsonGet": {"PropertyFile": REPORT, "Path": "mse"}}
FIRST_TOKEN = "sluice-verify-token-0000000000000001"  # noqa: S105 - names a request, opens nothing


def evaluation(account: Account, **more: Any) -> dict[str, Any]:
    """A processing step with a property file; it is defined and never run."""
    output = {"OutputName": "report", "AppManaged": False}
    where = {"S3Uri": f"s3://{account.bucket()}/report", "LocalPath": "/opt/ml/processing/report"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "Name": "Evaluate",
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {"ClusterConfig": cluster},
            "AppSpecification": {"ImageUri": account.image, "ContainerEntrypoint": ["true"]},
            "RoleArn": account.role(),
            "ProcessingOutputConfig": {"Outputs": [{**output, "S3Output": {**where, "S3UploadMode": "EndOfJob"}}]},
        },
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "report", "FilePath": "report.json"}],
        **more,
    }


def failing(message: object) -> dict[str, Any]:
    """A step that ends an execution with this message."""
    return {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def gate(condition: dict[str, Any], message: object = "missed") -> dict[str, Any]:
    """A condition step that fails where the condition does not hold."""
    arguments = {"Conditions": [condition], "IfSteps": [], "ElseSteps": [failing(message)]}
    return {"Name": "Gate", "Type": "Condition", "Arguments": arguments}


def at_most(left: object, right: object) -> dict[str, Any]:
    """``left <= right``."""
    return {"Type": "LessThanOrEqualTo", "LeftValue": left, "RightValue": right}


def definition(*steps: dict[str, Any], parameters: tuple[str, ...] = ()) -> str:
    """A definition of these steps, with parameters that are text."""
    declared = [{"Name": name, "Type": "String", "DefaultValue": "mse"} for name in parameters]
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": declared, "Steps": list(steps)})


def taken(account: Account, what: str, text: str) -> Observation:
    """Refuted if CreatePipeline takes a definition that it is thought to refuse."""
    error = refusal(lambda: make(account, what, text))
    return confirmed_if(error is not None, f"refused: {error}" if error else "it was accepted")


def make(account: Account, what: str, text: str) -> str:
    """Make a pipeline; its name."""
    sagemaker, name = account.client("sagemaker"), account.name(what)
    role = account.role()
    account.undo(f"pipeline {name}", lambda: sagemaker.delete_pipeline(PipelineName=name))
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)
    return name


def accepted(account: Account, what: str, text: str) -> Observation:
    """Confirmed if CreatePipeline takes a definition."""
    error = refusal(lambda: make(account, what, text))
    return confirmed_if(error is None, f"refused: {error}" if error else "it was accepted")


def shipped(account: Account) -> str:
    """The definition that ships, with places of this account for its tokens and its caches as ``sluice apply`` writes.

    It is made and never run: what it names need not exist.
    """
    code = f"s3://{account.bucket()}/code"
    places = {
        "Region": account.region,
        "DataBucket": account.bucket(),
        "Model": "verify",
        "ModelPackageGroup": account.name("shipped"),
        "PipelineRoleArn": account.role(),
        "XGBoostImage": account.image,
        "DataContract": "{}",
        **{f"CodePrefix_{step}": f"{code}/{step}" for step in ("preprocess", "train", "evaluate")},
    }
    made: dict[str, Any] = json.loads(Template(SHIPPED.read_text()).substitute(places))
    for step in made["Steps"]:
        if "CacheConfig" in step:
            step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P30D"}
    return json.dumps(made)


def shipped_shape(account: Account) -> Observation:
    """Make a pipeline of the definition that ships."""
    return accepted(account, "shape", shipped(account))


def join_of_json_get(account: Account) -> Observation:
    """A Fail step whose message joins text and a number of a property file."""
    message = {"Std:Join": {"On": " ", "Values": ["mse is", MSE]}}
    return taken(account, "join", definition(evaluation(account), gate(at_most(MSE, 6.0), message)))


def path_from_parameter(account: Account) -> Observation:
    """Std:JsonGet whose path is a parameter."""
    found = {"Std:JsonGet": {"PropertyFile": REPORT, "Path": {"Get": "Parameters.Path"}}}
    return taken(account, "path", definition(evaluation(account), gate(at_most(found, 6.0)), parameters=("Path",)))


def expire_in_seconds(account: Account) -> Observation:
    """A cache that expires after 90 seconds."""
    cached = evaluation(account, CacheConfig={"Enabled": True, "ExpireAfter": "PT90S"})
    return taken(account, "expiry", definition(cached))


def token_with_other_parameters(account: Account) -> Observation:
    """Start twice with one token and different parameters."""
    message = {"Get": "Parameters.Message"}
    name = make(account, "token", definition(failing(message), parameters=("Message",)))
    sagemaker = account.client("sagemaker")
    token = account.name(FIRST_TOKEN)[:64]

    def start(value: str) -> str:
        given = [{"Name": "Message", "Value": value}]
        started = sagemaker.start_pipeline_execution(
            PipelineName=name, ClientRequestToken=token, PipelineParameters=given
        )
        return str(started["PipelineExecutionArn"])

    first = start("one")
    found: list[str] = []
    error = refusal(lambda: found.append(start("two")))
    if error is not None:
        return confirmed_if(True, f"the second start is refused: {error}")
    same = found[0] == first
    return confirmed_if(same, "both starts have one execution" if same else "there are two executions")


def fail_message_is_the_reason(account: Account) -> Observation:
    """Run a pipeline that is one Fail step."""
    name = make(account, "fail", definition(failing("the gate was missed by 3")))
    sagemaker = account.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    if _ended(account, arn) is None:
        return still_open("the execution has not ended")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    step: dict[str, Any] = steps[0] if steps else {}
    shown = {key: value for key, value in step.items() if key in ("StepStatus", "FailureReason", "Metadata")}
    return confirmed_if("missed by 3" in json.dumps(shown, default=str), f"the step says {shown}")


def registering_makes_the_group(account: Account) -> Observation:
    """Run a pipeline that registers a model in a group that does not exist."""
    sagemaker, group = account.client("sagemaker"), account.name("made-by-a-step")
    uri = f"s3://{account.bucket()}/model.tar.gz"
    account.client("s3").put_object(Bucket=account.bucket(), Key="model.tar.gz", Body=b"not read")
    arguments = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": account.image, "ModelDataUrl": uri}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
    account.undo(f"package group {group}", lambda: sagemaker.delete_model_package_group(ModelPackageGroupName=group))
    account.undo(f"packages of {group}", lambda: _delete_packages(account, group))
    name = make(account, "register", definition({"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}))
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    found = _ended(account, arn)
    if found is None:
        return still_open("the execution has not ended")
    status, why = found["PipelineExecutionStatus"], found.get("FailureReason", "")
    return confirmed_if(status == "Succeeded", f"the execution is {status} {why}".strip())


def _ended(account: Account, arn: str) -> dict[str, Any] | None:
    """The execution once it has ended; None if it does not end."""
    describe = account.client("sagemaker").describe_pipeline_execution

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = describe(PipelineExecutionArn=arn)
        return None if found["PipelineExecutionStatus"] in ("Executing", "Stopping") else found

    return account.eventually(look)


def _delete_packages(account: Account, group: str) -> None:
    sagemaker = account.client("sagemaker")
    for page in sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group):
        for each in page["ModelPackageSummaryList"]:
            sagemaker.delete_model_package(ModelPackageName=each["ModelPackageArn"])


FACTS = (
    Fact(
        name="shipped-definition",
        statement="CreatePipeline takes what ships, with a Fail message that joins a parameter and a step's property.",
        matters="Without it there is no pipeline.",
        check=shipped_shape,
    ),
    Fact(
        name="join-of-json-get",
        statement="CreatePipeline refuses a Fail step's message that joins a Std:JsonGet.",
        matters="Nothing: the definition that ships has none. The local AWS refuses it.",
        check=join_of_json_get,
    ),
    Fact(
        name="path-from-parameter",
        statement="CreatePipeline refuses Std:JsonGet with a path from a parameter.",
        matters="Nothing: the definition that ships has none. The local AWS refuses it.",
        check=path_from_parameter,
    ),
    Fact(
        name="expire-in-seconds",
        statement="CreatePipeline refuses a cache that expires after seconds (PT90S).",
        matters="Nothing: Sluice writes minutes or more. The local AWS refuses it.",
        check=expire_in_seconds,
    ),
    Fact(
        name="token-with-other-parameters",
        statement="StartPipelineExecution with a used token never starts a second execution, whatever its parameters.",
        matters="start_pipeline may be repeated after a crash.",
        check=token_with_other_parameters,
    ),
    Fact(
        name="fail-message-is-the-reason",
        statement="The steps of an execution tell the message of its Fail step.",
        matters="A missed gate is announced with its reason.",
        check=fail_message_is_the_reason,
    ),
    Fact(
        name="registering-makes-the-group",
        statement="A RegisterModel step makes the package group if there is none.",
        matters="Nothing: sluice apply makes the group. The local AWS makes it.",
        check=registering_makes_the_group,
    ),
)
