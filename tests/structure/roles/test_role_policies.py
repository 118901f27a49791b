"""Attacks, seen from each role of the shipped template: what it may not do, whoever has got hold of it."""

from __future__ import annotations

import pytest

from tests.builders.role_policies import is_allowed, roles, sagemaker_arn

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
