"""Attacks, seen from each role of the shipped template: what it may not do, whoever has got hold of it."""

from __future__ import annotations

import pytest

from tests.builders.role_policies import BUCKET, is_allowed, resources_of, roles, sagemaker_arn

VERSION = sagemaker_arn("model-package/sluice-dev-fraud/7")
ANY_VERSION = sagemaker_arn("model-package/sluice-dev-fraud/*")
APPROVAL = "sagemaker:ModelApprovalStatus"


def test_a_pipeline_registers_versions_that_wait_and_never_an_approved_one() -> None:
    create = "sagemaker:CreateModelPackage"
    assert is_allowed("PipelineRole", create, ANY_VERSION, {APPROVAL: "PendingManualApproval"})
    assert is_allowed("PipelineRole", create, ANY_VERSION), "without a status AWS takes PendingManualApproval"
    assert not is_allowed("PipelineRole", create, ANY_VERSION, {APPROVAL: "Approved"})


def test_the_stacks_owner_may_have_versions_approved_by_their_gate_alone() -> None:
    given = {"RegisterVersionsAs": "Approved"}
    context = {APPROVAL: "Approved"}
    assert is_allowed("PipelineRole", "sagemaker:CreateModelPackage", ANY_VERSION, context, given=given)


@pytest.mark.parametrize("action", ["sagemaker:UpdateModelPackage", "sagemaker:UpdatePipeline"])
def test_a_pipeline_changes_no_version_and_no_pipeline(action: str) -> None:
    assert not is_allowed("PipelineRole", action, VERSION)
    assert not is_allowed("PipelineRole", action, sagemaker_arn("pipeline/sluice-dev-fraud"))


def test_no_role_of_the_application_approves_a_version() -> None:
    """Only people do: functions that write a note, or reject, may not set the status that rolls a version out."""
    update, told = "sagemaker:UpdateModelPackage", set()
    for role in roles():
        assert not is_allowed(role, update, VERSION, {APPROVAL: "Approved"}), role
        if is_allowed(role, update, VERSION):
            told.add(role)
    assert "RollBackFunctionRole" in told
    assert is_allowed("RollBackFunctionRole", update, VERSION, {APPROVAL: "Rejected"})


IMAGE_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@pytest.mark.parametrize("role", ["PipelineRole", "ModelRole", "ServerlessModelRole"])
@pytest.mark.parametrize("action", IMAGE_ACTIONS)
def test_jobs_and_models_use_images_of_accounts_that_are_trusted(role: str, action: str) -> None:
    """An attacker's account may have a repository of the same name."""
    xgboost, own = (f"arn:aws:ecr:us-east-1:{account}:repository/" for account in ("683313688378", "999999999999"))
    assert is_allowed(role, action, f"{xgboost}sagemaker-xgboost")
    assert not is_allowed(role, action, f"{own}sagemaker-xgboost")
    given = {"ModelRepositories": f"{own}fraud"}
    assert is_allowed(role, action, f"{own}fraud", given=given)
    assert not is_allowed(role, action, f"{own}other", given=given)


def test_who_checks_an_artifact_may_look_at_it() -> None:
    given = {"ArtifactLocations": "arn:aws:s3:::models/fraud/*"}
    for role in ("ModelRole", "ServerlessModelRole", "OpenRolloutFunctionRole", "ProvisionCandidateFunctionRole"):
        assert is_allowed(role, "s3:GetObject", f"{BUCKET}/pipelines/fraud/x/model.tar.gz")
        assert is_allowed(role, "s3:GetObject", "arn:aws:s3:::models/fraud/7/model.tar.gz", given=given)
        assert not is_allowed(role, "s3:GetObject", "arn:aws:s3:::models/fraud/7/model.tar.gz")
        assert not is_allowed(role, "s3:GetObject", f"{BUCKET}/data/fraud/model.tar.gz"), "where clients write"


@pytest.mark.parametrize("function", ["OpenRolloutFunction", "ProvisionCandidateFunction"])
def test_who_checks_a_version_is_told_what_is_trusted(function: str) -> None:
    variables = resources_of()[function]["Properties"]["Environment"]["Variables"]
    assert variables["SLUICE_TRUSTED_IMAGES"].startswith("arn:aws:ecr:us-east-1:683313688378:repository/")
    assert variables["SLUICE_TRUSTED_ARTIFACTS"] == ""
    assert variables["SLUICE_BUCKET"]


TOPIC = "arn:aws:sns:us-east-1:123456789012:asyncsuccesstopic"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        pytest.param("s3:PutObject", f"{BUCKET}/capture/fraud/fraud-7-1/x.jsonl", id="evidence about itself"),
        pytest.param("sns:Publish", TOPIC, id="results for others"),
        pytest.param("s3:PutObject", f"{BUCKET}/async/fraud/output/x.out", id="answers of others"),
        pytest.param("s3:GetObject", f"{BUCKET}/async/fraud/input/x", id="requests of others"),
        pytest.param("s3:GetObject", f"{BUCKET}/batch/fraud/input/x.csv", id="files of others"),
        pytest.param("s3:PutObject", f"{BUCKET}/pipelines/fraud/x/model.tar.gz", id="another model"),
    ],
)
def test_the_code_of_a_serverless_model_which_has_credentials_can_do_none_of_it(action: str, resource: str) -> None:
    assert not is_allowed("ServerlessModelRole", action, resource)


def test_a_models_code_could_publish_metrics_of_no_endpoint() -> None:
    context = {"cloudwatch:namespace": "AWS/SageMaker"}
    assert not is_allowed("ServerlessModelRole", "cloudwatch:PutMetricData", "*", context)
