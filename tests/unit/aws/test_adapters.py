"""What the adapters ask of AWS, held to botocore's own models, and what they make of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY
from sluice.aws.eventbridge import EventPublisher
from sluice.aws.model_registry import ModelRegistry
from sluice.errors import AwsRefusedError, RetryableError, ThrottledError, UnknownModelError
from sluice.names import Names
from sluice.rollout.model.executions import Executions
from sluice.rollout_id import RolloutId
from sluice.spec.parameter_store import SpecStore
from sluice.training.pipeline_executions import PipelineExecutions
from sluice.training.run_token import definition_digest

from tests.builders.stubbed_aws import StubbedAws

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
NAMES = Names("dev")


@pytest.fixture
def aws() -> Iterator[StubbedAws]:
    made = StubbedAws()
    yield made
    made.assert_all_asked()


# ---- registry


def described(**more: Any) -> dict[str, Any]:
    status: dict[str, list[str]] = {"ValidationStatuses": [], "ImageScanStatuses": []}
    return {
        "ModelPackageName": "n",
        "ModelPackageArn": ARN,
        "CreationTime": T0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": status,
        **more,
    }


def test_a_package_that_was_never_modified(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_response("describe_model_package", described(), {"ModelPackageName": ARN})
    found = ModelRegistry(client).describe(ARN)
    assert (found.group, found.version, found.approval) == ("sluice-dev-fraud", 7, "")
    assert (found.last_modified, found.is_approved) == (T0, False)


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFound"])
def test_a_version_that_is_deleted_takes_no_note(aws: StubbedAws, code: str) -> None:
    client, stub = aws.service("sagemaker")
    for call in ("update_model_package", "describe_model_package"):
        stub.add_client_error(call, code, f"ModelPackage {ARN} does not exist.")
    ModelRegistry(client).annotate(ARN, {"a": "b"})


def test_a_note_that_is_refused_for_another_reason_is_an_error(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_client_error("update_model_package", "ValidationException", "too long")
    stub.add_response("describe_model_package", described())
    with pytest.raises(AwsRefusedError, match="too long"):
        ModelRegistry(client).annotate(ARN, {"a": "b"})


def test_a_version_that_may_not_be_read_is_not_taken_for_deleted(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_client_error("describe_model_package", "AccessDeniedException", "not authorized")
    with pytest.raises(AwsRefusedError, match="not authorized"):
        ModelRegistry(client).describe(ARN)


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        pytest.param("plain", "plain", id="as it is"),
        pytest.param("two\nlines,\tand a  gap", "two lines, and a gap", id="one line"),
        pytest.param("x" * 2000, "x" * 1024, id="as long as it may be"),
    ],
)
def test_a_reason_becomes_what_the_registry_takes(aws: StubbedAws, reason: str, written: str) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_response("describe_model_package", described(ModelApprovalStatus="Approved"))
    wish = {"ModelPackageArn": ARN, "ModelApprovalStatus": "Rejected", "ApprovalDescription": written}
    stub.add_response("update_model_package", {"ModelPackageArn": ARN}, wish)
    ModelRegistry(client).reject(ARN, reason)
    # Our own writes make events: what stands there already is not written again.
    there = described(ModelApprovalStatus="Rejected", ApprovalDescription=written)
    stub.add_response("describe_model_package", there)
    ModelRegistry(client).reject(ARN, reason)


def test_metadata_keeps_to_the_characters_the_registry_allows(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    allowed = {"sluice.at": "2026-03-04T10:00:00+00:00", "odd": "a b  c äß1_.:/=+-@", "long": "x" * 256}
    wish = {"ModelPackageArn": ARN, "CustomerMetadataProperties": allowed}
    stub.add_response("update_model_package", {"ModelPackageArn": ARN}, wish)
    given = {"sluice.at": "2026-03-04T10:00:00+00:00", "odd": 'a,b\n"c äß1_.:/=+-@', "long": "x" * 999}
    ModelRegistry(client).annotate(ARN, given)


def test_a_concurrent_change_is_worth_another_try(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_client_error("update_model_package", "ConflictException")
    with pytest.raises(RetryableError):
        ModelRegistry(client).annotate(ARN, {"a": "b"})


# ---- starting things once


def test_an_execution_that_has_ended_is_not_started_again(aws: StubbedAws) -> None:
    client, stub = aws.service("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-rollout"
    rollout = RolloutId(model="fraud", version=7, attempt=1)
    expected = {
        "stateMachineArn": arn,
        "name": "fraud-7-1-restore-2",
        "input": json.dumps({"mode": "restore", "rollout_id": "fraud-7-1"}),
    }
    stub.add_response("start_execution", {"executionArn": "e", "startDate": T0}, expected)
    stub.add_client_error("start_execution", "ExecutionAlreadyExists")
    stub.add_client_error("start_execution", "ThrottlingException")
    stub.add_response(
        "describe_execution",
        {"executionArn": "e", "stateMachineArn": arn, "status": "SUCCEEDED", "startDate": T0},
        {"executionArn": f"{arn.replace(':stateMachine:', ':execution:')}:{rollout}"},
    )
    stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    executions = Executions(client, arn)
    assert executions.start_restore(rollout, 2)
    assert not executions.start(rollout)
    with pytest.raises(ThrottledError):
        executions.start(rollout)
    assert executions.started_at(str(rollout)) == T0
    assert executions.started_at("fraud-9-9") is None


def test_too_many_pipelines_at_once_is_worth_another_try(aws: StubbedAws) -> None:
    client, stub = aws.service("sagemaker")
    token = "a1b2" * 16
    stub.add_response(
        "start_pipeline_execution",
        {"PipelineExecutionArn": "arn:run"},
        {
            "PipelineName": "sluice-dev-fraud",
            "PipelineExecutionDisplayName": "data-a1b2",
            "PipelineParameters": [{"Name": "InputData", "Value": "s3://lake/m"}],
            "ClientRequestToken": token,
        },
    )
    stub.add_client_error("start_pipeline_execution", "ResourceLimitExceeded")
    pipelines = PipelineExecutions(client)
    assert pipelines.start("sluice-dev-fraud", "data-a1b2", token, {"InputData": "s3://lake/m"}) == "arn:run"
    with pytest.raises(RetryableError):
        pipelines.start("sluice-dev-fraud", "data-a1b2", token, {"InputData": "s3://lake/m"})


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ('{ "Steps": [], "Parameters": [{"DefaultValue": 60, "Name": "NumRound"}] }', True),
        ('{"Parameters": [{"Name": "NumRound", "DefaultValue": 120}], "Steps": []}', False),
        ('{"Parameters": [{"Name": "NumRound", "DefaultValue": 60}], "Steps": ["s3://code/train/3f0c"]}', False),
    ],
    ids=["the same in another order", "another parameter", "another code"],
)
def test_a_definition_is_known_by_what_it_does(aws: StubbedAws, other: str, is_same: bool) -> None:
    client, stub = aws.service("sagemaker")
    applied = '{"Parameters": [{"Name": "NumRound", "DefaultValue": 60}], "Steps": []}'
    for definition in (applied, other):
        stub.add_response("describe_pipeline", {"PipelineDefinition": definition}, {"PipelineName": "sluice-dev-fraud"})
    pipelines = PipelineExecutions(client)
    digests = {definition_digest(pipelines.definition("sluice-dev-fraud")) for _ in range(2)}
    assert (len(digests) == 1) is is_same


def test_an_event_that_was_not_accepted_is_an_error(aws: StubbedAws) -> None:
    client, stub = aws.service("events")
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]}, {"Entries": [ANY]})
    with pytest.raises(RetryableError, match="RolloutOpened was not accepted"):
        EventPublisher(client, NAMES).publish("RolloutOpened", at=T0)


def test_a_folder_that_cannot_be_a_models_name_is_an_unknown_model_without_asking(aws: StubbedAws) -> None:
    client, stub = aws.service("ssm")
    with pytest.raises(UnknownModelError, match="no name of a model"):
        SpecStore(client, NAMES).get("März 2026")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    with pytest.raises(UnknownModelError, match="/sluice/dev/models/fraud does not exist"):
        SpecStore(client, NAMES).get("fraud")
