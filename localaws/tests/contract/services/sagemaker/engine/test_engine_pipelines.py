"""Pipelines played end to end on a small definition: preprocessing, evaluation, a gate, registration."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import packed
from localaws.tests.contract.services.sagemaker.engine.conftest import (
    BUCKET,
    IMAGE,
    ROLE,
    ROLE_WITHOUT_PASS,
    Engine,
    eventually,
)

PREPARE = "test $0 != 13.0 || { echo unlucky >&2; exit 3; }; test $0 != 99.0 || sleep 300; echo $0 > {out}"
EVALUATE = 'echo "{\\"mse\\": {\\"value\\": $(cat /opt/ml/processing/data/value)}}" > {out}'


def parameter(name: str) -> dict[str, str]:
    return {"Get": f"Parameters.{name}"}


def joined(separator: str, *values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": separator, "Values": list(values)}}


def processing(name: str, script: str, role: str, inputs: list[Any], **more: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    uri = joined("/", f"s3://{BUCKET}/runs", {"Get": "Execution.PipelineExecutionId"}, name)
    output = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    command = script.replace("{out}", f"/opt/ml/processing/out/{more.pop('file')}")
    arguments = {
        "RoleArn": role,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["bash", "-c", command],
            "ContainerArguments": [joined("", parameter("Value"))],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": output}]},
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def definition(group: str, role: str) -> str:
    prepared = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    s3_input = {"S3Uri": prepared, "LocalPath": "/opt/ml/processing/data", "S3DataType": "S3Prefix"}
    data = {"InputName": "data", "S3Input": {"S3InputMode": "File", **s3_input}}
    container = {"Image": IMAGE, "ModelDataUrl": joined("/", prepared, "value")}
    formats = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    register = {"ModelPackageGroupName": group, "InferenceSpecification": {"Containers": [container], **formats}}
    mse = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "mse.value"}}
    condition = {"Type": "LessThanOrEqualTo", "LeftValue": mse, "RightValue": parameter("Limit")}
    message = joined(" ", "MSE above", parameter("Limit"))
    gate = {
        "Conditions": [condition],
        "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
        "ElseSteps": [{"Name": "TooWeak", "Type": "Fail", "Arguments": {"ErrorMessage": message}}],
    }
    cached = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
    report = {"PropertyFileName": "Report", "OutputName": "out", "FilePath": "evaluation.json"}
    steps = [
        {"Name": "Gate", "Type": "Condition", "Arguments": gate},
        processing("Evaluate", EVALUATE, role, [data], file="evaluation.json", PropertyFiles=[report], **cached),
        processing("Prepare", PREPARE, role, [], file="value", **cached),
    ]
    parameters = [
        {"Name": "Value", "Type": "Float", "DefaultValue": 1.0},
        {"Name": "Limit", "Type": "Float", "DefaultValue": 6.0},
    ]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps})


class Pipeline:
    """A pipeline of its own for each test."""

    def __init__(self, engine_aws: Engine, role: str = ROLE) -> None:
        self.engine = engine_aws
        self.name = f"pipeline-{uuid.uuid4().hex[:12]}"
        engine_aws.sagemaker.create_model_package_group(ModelPackageGroupName=self.name)
        text = definition(self.name, role)
        made = engine_aws.sagemaker.create_pipeline(PipelineName=self.name, PipelineDefinition=text, RoleArn=role)
        self.arn = made["PipelineArn"]

    def start(self, token: str | None = None, **parameters: float) -> str:
        given = [{"Name": name, "Value": str(value)} for name, value in parameters.items()]
        started = self.engine.sagemaker.start_pipeline_execution(
            PipelineName=self.name, PipelineParameters=given, ClientRequestToken=token or str(uuid.uuid4())
        )
        return str(started["PipelineExecutionArn"])

    def run(self, **parameters: float) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start and wait: the ended execution and its steps."""
        arn = self.start(None, **parameters)
        return self.engine.ended_execution(arn), self.engine.steps(arn)

    def versions(self) -> list[int]:
        found = self.engine.sagemaker.list_model_packages(ModelPackageGroupName=self.name)
        return [package["ModelPackageVersion"] for package in found["ModelPackageSummaryList"]]


@pytest.fixture
def pipeline(engine_aws: Engine) -> Pipeline:
    return Pipeline(engine_aws)


def statuses(steps: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: step["StepStatus"] for name, step in steps.items()}


def test_a_good_model_is_registered_and_waits_for_approval(engine_aws: Engine, pipeline: Pipeline) -> None:
    execution, steps = pipeline.run()
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert statuses(steps) == dict.fromkeys(("Prepare", "Evaluate", "Gate", "Register"), "Succeeded")
    arn = steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    package = engine_aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["MetadataProperties"]["GeneratedBy"] == execution["PipelineExecutionArn"]
    url = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert engine_aws.text(url.removeprefix(f"s3://{BUCKET}/")).strip() == "1.0"


def test_a_pipeline_whose_role_was_deleted_cannot_assume_it(engine_aws: Engine) -> None:
    """What happens to a pipeline that outlives the stack whose role it was given."""
    iam = engine_aws.aws.client("iam")
    trust = iam.get_role(RoleName="pipeline")["Role"]["AssumeRolePolicyDocument"]
    role = iam.create_role(RoleName="leaving", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    pipeline = Pipeline(engine_aws, role)
    iam.delete_role(RoleName="leaving")
    execution, steps = pipeline.run()
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert steps["Prepare"]["FailureReason"].startswith(f"ClientError: Could not assume role {role}. Please ensure")


def test_a_weak_model_ends_in_the_fail_step_and_is_not_registered(pipeline: Pipeline) -> None:
    execution, steps = pipeline.run(Value=7)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    assert statuses(steps) == {
        "Prepare": "Succeeded",
        "Evaluate": "Succeeded",
        "Gate": "Succeeded",
        "TooWeak": "Failed",
    }
    assert steps["TooWeak"]["FailureReason"] == "MSE above 6.0"
    assert steps["Gate"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert pipeline.versions() == []


def test_a_failing_job_fails_its_step_and_nothing_follows(pipeline: Pipeline) -> None:
    execution, steps = pipeline.run(Value=13)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert statuses(steps) == {"Prepare": "Failed"}
    assert steps["Prepare"]["FailureReason"] == "ClientError: AlgorithmError: unlucky, exit code: 3"


def test_a_second_run_takes_jobs_from_the_cache_but_registers_again(pipeline: Pipeline) -> None:
    first, _ = pipeline.run()
    _, steps = pipeline.run()
    source = {"SourcePipelineExecutionArn": first["PipelineExecutionArn"]}
    assert {name: step.get("CacheHitResult") for name, step in steps.items()} == {
        "Prepare": source,
        "Evaluate": source,
        "Gate": None,
        "Register": None,
    }
    assert pipeline.versions() == [1, 2]


def test_a_changed_threshold_hits_the_cache_and_decides_anew(pipeline: Pipeline) -> None:
    pipeline.run()
    execution, steps = pipeline.run(Limit=0.5)
    assert "CacheHitResult" in steps["Evaluate"]
    assert (execution["PipelineExecutionStatus"], steps["TooWeak"]["FailureReason"]) == ("Failed", "MSE above 0.5")


def test_one_token_starts_one_execution(engine_aws: Engine, pipeline: Pipeline) -> None:
    token = "a" * 64
    arns = {pipeline.start(token), pipeline.start(token)}
    assert len(arns) == 1
    engine_aws.ended_execution(arns.pop())
    found = engine_aws.sagemaker.list_pipeline_executions(PipelineName=pipeline.name)
    assert len(found["PipelineExecutionSummaries"]) == 1


def test_a_stop_ends_the_running_job_and_a_retry_goes_on(engine_aws: Engine, pipeline: Pipeline) -> None:
    arn = pipeline.start(Value=99)

    def job() -> dict[str, Any] | None:
        step = engine_aws.steps(arn).get("Prepare", {})
        found: dict[str, Any] | None = step.get("Metadata", {}).get("ProcessingJob")
        return found

    eventually(job)
    engine_aws.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert engine_aws.ended_execution(arn)["PipelineExecutionStatus"] == "Stopped"
    assert statuses(engine_aws.steps(arn)) == {"Prepare": "Stopped"}
    stopped = eventually(job)["Arn"].rsplit("/", 1)[-1]
    assert engine_aws.ended_job("Processing", stopped)["ProcessingJobStatus"] == "Stopped"
    engine_aws.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert eventually(job)["Arn"].rsplit("/", 1)[-1] != stopped
    engine_aws.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    engine_aws.ended_execution(arn)


def test_a_role_that_may_not_pass_itself_fails_the_step(engine_aws: Engine) -> None:
    _, steps = Pipeline(engine_aws, ROLE_WITHOUT_PASS).run()
    reason = steps["Prepare"]["FailureReason"]
    assert reason.startswith("ClientError: Failed to invoke sagemaker:CreateProcessingJob.")
    assert "not authorized to perform: iam:PassRole" in reason


def test_events_tell_of_each_status_in_the_pipelines_own_spelling(engine_aws: Engine, pipeline: Pipeline) -> None:
    execution, steps = pipeline.run()
    engine_aws.announced.wait_for(execution["PipelineExecutionArn"], currentPipelineExecutionStatus="Succeeded")
    events = engine_aws.announced.about(execution["PipelineExecutionArn"])
    assert all(event["resources"] == [pipeline.arn, execution["PipelineExecutionArn"]] for event in events)
    of_steps = [event["detail"] for event in events if "Step" in event["detail-type"]]
    last = [detail for detail in of_steps if detail["stepName"] == "Prepare"][-1]
    assert (last["previousStepStatus"], last["currentStepStatus"]) == ("Executing", "Succeeded")
    assert last["metadata"]["processingJob"]["arn"] == steps["Prepare"]["Metadata"]["ProcessingJob"]["Arn"]
    of_execution = [event["detail"] for event in events if "Step" not in event["detail-type"]]
    assert [detail["currentPipelineExecutionStatus"] for detail in of_execution] == ["Executing", "Succeeded"]


def test_what_an_execution_was_started_with_can_be_read(engine_aws: Engine, pipeline: Pipeline) -> None:
    execution, _ = pipeline.run(Value=2)
    arn = execution["PipelineExecutionArn"]
    client = engine_aws.sagemaker
    client.update_pipeline(PipelineName=pipeline.name, PipelineDescription="changed later")
    found = client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert found["PipelineParameters"] == [{"Name": "Value", "Value": "2"}]
    text = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"]
    assert text == client.describe_pipeline(PipelineName=pipeline.arn)["PipelineDefinition"]


def test_no_more_executions_at_once_than_the_account_may_have(
    engine_aws: Engine, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = engine_aws.aws.context.quotas
    assert quotas.pipeline_executions == 20
    monkeypatch.setattr(quotas, "pipeline_executions", 2)
    arns = [pipeline.start(Value=99) for _ in range(2)]
    try:
        with pytest.raises(ClientError) as refusal:
            pipeline.start(Value=99)
        assert refusal.value.response["Error"]["Code"] == "ResourceLimitExceeded"
        with pytest.raises(ClientError) as refusal:
            engine_aws.sagemaker.delete_pipeline(PipelineName=pipeline.name)
        assert refusal.value.response["Error"]["Code"] == "ConflictException"
    finally:
        for arn in arns:
            engine_aws.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
        for arn in arns:
            engine_aws.ended_execution(arn)


@pytest.mark.parametrize(
    ("act", "code", "named"),
    [
        (lambda client, name: client.start_pipeline_execution(PipelineName="nope"), "ResourceNotFound", "nope"),
        (
            lambda client, name: client.start_pipeline_execution(
                PipelineName=name, PipelineParameters=[{"Name": "Nope", "Value": "1"}]
            ),
            "ValidationException",
            "Nope",
        ),
        (
            lambda client, name: client.start_pipeline_execution(
                PipelineName=name, PipelineParameters=[{"Name": "Limit", "Value": "low"}]
            ),
            "ValidationException",
            "Float",
        ),
        (
            lambda client, name: client.create_pipeline(PipelineName=name, PipelineDefinition="{}", RoleArn=ROLE),
            "ValidationException",
            "Version",
        ),
        (
            lambda client, name: client.create_pipeline(
                PipelineName=name, PipelineDefinition=definition(name, ROLE), RoleArn=ROLE
            ),
            "ValidationException",
            "already exists",
        ),
        (
            lambda client, name: client.update_pipeline(
                PipelineName=name,
                PipelineDefinition='{"Version": "2020-12-01", "Steps": [{"Name": "L", "Type": "Lambda"}]}',
            ),
            "NotImplemented",
            "Lambda",
        ),
    ],
)
def test_refusals(
    engine_aws: Engine, pipeline: Pipeline, act: Callable[[Any, str], object], code: str, named: str
) -> None:
    with pytest.raises(ClientError, match=named) as refusal:
        act(engine_aws.sagemaker, pipeline.name)
    assert refusal.value.response["Error"]["Code"] == code


def run_steps(engine_aws: Engine, name: str, *steps: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The steps of one execution of a pipeline that is made for it."""
    text = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": list(steps)})
    engine_aws.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
    arn = engine_aws.sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    engine_aws.ended_execution(arn)
    return engine_aws.steps(arn)


def test_registration_makes_a_group_that_is_not_there(engine_aws: Engine) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    formats = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    arguments = {
        "ModelPackageGroupName": "made-by-a-step",
        "InferenceSpecification": {"Containers": [container], **formats},
    }
    register = {"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}
    steps = run_steps(engine_aws, "makes-a-group", register)
    assert statuses(steps) == {"Register": "Succeeded"}
    found = engine_aws.sagemaker.list_model_packages(ModelPackageGroupName="made-by-a-step")
    assert [package["ModelPackageVersion"] for package in found["ModelPackageSummaryList"]] == [1]


def test_a_model_is_made_and_transforms_in_steps(engine_aws: Engine) -> None:
    code = b"def model_fn(path): return 1\ndef transform_fn(*given): return given[1].upper()"
    artifact = engine_aws.put("models/upper.tar.gz", packed({"code/inference.py": code}))
    rows = engine_aws.put("scoring/rows.csv", "a,b\nc,d\n")
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": IMAGE, "ModelDataUrl": artifact, "Environment": environment}
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows}}
    transform = {
        "ModelName": {"Get": "Steps.Make.ModelName"},
        "TransformInput": {"DataSource": data, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/scored", "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    steps = run_steps(
        engine_aws,
        "transforms",
        {"Name": "Make", "Type": "Model", "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": ROLE}},
        {"Name": "Score", "Type": "Transform", "Arguments": transform},
    )
    assert statuses(steps) == {"Make": "Succeeded", "Score": "Succeeded"}, steps
    assert ":transform-job/" in steps["Score"]["Metadata"]["TransformJob"]["Arn"]
    assert engine_aws.text("scored/rows.csv.out").split() == ["A,B", "C,D"]
