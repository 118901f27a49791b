"""``sluice retry`` approves a version once more and leaves who, when and why in the history of the attempt to come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from sluice.rollout.model.record import RolloutOutcome
from sluice.rollout_id import RolloutId

from cli.failures import BadInputError, CommandError, NotFoundError
from tests.builders.rollout_stage import NOW, RUNNING, RolloutStage

GROUP = "sluice-dev-fraud"
NEXT = RolloutId(model="fraud", version=2, attempt=2)


@pytest.fixture
def stage() -> Iterator[RolloutStage]:
    """Two versions; the second is being rolled out."""
    with mock_aws():
        stage = RolloutStage()
        sagemaker = stage.clients["sagemaker"]
        sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
        for approval in ("Approved", "Rejected"):
            sagemaker.create_model_package(ModelPackageGroupName=GROUP, ModelApprovalStatus=approval)
        yield stage


def package(stage: RolloutStage) -> Any:
    return stage.clients["sagemaker"].describe_model_package(ModelPackageName=stage.store.get(RUNNING).package_arn)


@pytest.mark.parametrize("outcome", ["rolled_back", "superseded", "withdrawn", "failed"])
def test_a_version_that_did_not_make_it_is_approved_again(stage: RolloutStage, outcome: RolloutOutcome) -> None:
    stage.store.close(RUNNING, outcome, "too slow", NOW)
    queue = stage.heard()
    assert stage.run("retry", "fraud/2", "--reason", "the host was broken") == 0
    assert package(stage)["ModelApprovalStatus"] == "Approved"
    assert "the host was broken" in package(stage)["ApprovalDescription"]
    kind, detail = stage.event(queue)
    assert (kind, detail["ModelPackageGroupName"]) == ("SageMaker Model Package State Change", GROUP)
    assert detail["ModelPackageArn"] == stage.store.get(RUNNING).package_arn
    (line,) = stage.history.entries(NEXT)
    assert line["text"].startswith("retry by arn:aws:")
    assert line["text"].endswith("the host was broken")
    assert "fraud-2-2 follows" in stage.screen.getvalue()


def test_a_retry_keeps_the_reason_that_was_given_before(stage: RolloutStage) -> None:
    arn = stage.store.get(RUNNING).package_arn
    stage.clients["sagemaker"].update_model_package(ModelPackageArn=arn, ApprovalDescription="feb data, see T-12")
    stage.store.close(RUNNING, "rolled_back", "too slow", NOW)
    assert stage.run("retry", "fraud/2", "--reason", "the host was broken") == 0
    assert package(stage)["ApprovalDescription"].endswith(": the host was broken | before: feb data, see T-12")
    stage.clients["sagemaker"].update_model_package(ModelPackageArn=arn, ApprovalDescription="x" * 1024)
    stage.run("retry", "fraud/2")
    assert len(package(stage)["ApprovalDescription"]) == 1024


def test_what_is_under_way_is_not_tried_again(stage: RolloutStage) -> None:
    with pytest.raises(CommandError, match="fraud-2-1 is under way"):
        stage.run("retry", "fraud/2")


def test_what_was_promoted_is_not_tried_again(stage: RolloutStage) -> None:
    stage.store.close(RUNNING, "promoted", "", NOW)
    with pytest.raises(CommandError, match="was promoted by fraud-2-1"):
        stage.run("retry", "fraud/2")
    assert package(stage)["ModelApprovalStatus"] == "Rejected"


def test_what_was_never_rolled_out_is_approved_instead(stage: RolloutStage) -> None:
    with pytest.raises(CommandError, match="sluice approve fraud/1"):
        stage.run("retry", "fraud/1")


def test_bad_input_changes_nothing(stage: RolloutStage) -> None:
    stage.store.close(RUNNING, "rolled_back", "x", NOW)
    with pytest.raises(NotFoundError, match="no version fraud/9"):
        stage.run("retry", "fraud/9")
    with pytest.raises(BadInputError, match="is not a version"):
        stage.run("retry", "fraud")
    with pytest.raises(BadInputError, match="512"):
        stage.run("retry", "fraud/2", "--reason", "x" * 513)
    assert package(stage)["ModelApprovalStatus"] == "Rejected"
