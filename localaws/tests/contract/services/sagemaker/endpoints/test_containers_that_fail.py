"""Containers of a new endpoint that never get healthy: it fails, for a reason that is said."""

import json

import pytest

from localaws.local_aws import LocalAws
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import (
    ROLE_WITHOUT_RIGHTS,
    TRUST,
    Stage,
    refusal,
)


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        pytest.param("script-broken", "did not pass the ping health check", id="the code cannot be imported"),
        pytest.param("not-a-model", "did not pass the ping health check", id="the model cannot be loaded"),
        pytest.param("not-a-tar", "is a valid tar.gz archive", id="the archive is none"),
        pytest.param("missing", "Failed to download model data", id="there is no archive"),
    ],
)
def test_a_new_endpoint_fails_and_can_only_be_deleted(impatient: Stage, artifact: str, reason: str) -> None:
    impatient.config(artifact, {"v1": (impatient.model(artifact, artifact), 1.0)})
    shown = impatient.create(artifact, artifact)
    assert shown["EndpointStatus"] == "Failed"
    assert reason in shown["FailureReason"]
    assert [status for status, _ in impatient.announced(artifact, 2)] == ["CREATING", "FAILED"]
    update = impatient.sagemaker.update_endpoint
    assert "in status Failed" in refusal(update, EndpointName=artifact, EndpointConfigName=artifact)
    impatient.sagemaker.delete_endpoint(EndpointName=artifact)


def test_the_model_is_read_under_its_role(impatient: Stage) -> None:
    impatient.config("role", {"v1": (impatient.model("role", "low", ROLE_WITHOUT_RIGHTS), 1.0)})
    shown = impatient.create("role", "role")
    assert shown["EndpointStatus"] == "Failed"
    assert "the role passed to CreateModel has permissions" in shown["FailureReason"]


def test_a_role_deleted_after_the_model_was_made_cannot_be_assumed(impatient: Stage) -> None:
    """As for a role that is unknown to CreateModel: what a stack made outlives the stack's roles."""
    gone = temporary_role(impatient.aws)
    impatient.config("gone", {"v1": (impatient.model("gone", "low", gone), 1.0)})
    impatient.aws.client("iam").delete_role(RoleName=gone.rsplit("/", 1)[-1])
    shown = impatient.create("gone", "gone")
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"].startswith(f"Could not assume role {gone}. Please ensure that the role exists")


def temporary_role(aws: LocalAws) -> str:
    created = aws.client("iam").create_role(RoleName="leaving", AssumeRolePolicyDocument=json.dumps(TRUST))
    return str(created["Role"]["Arn"])


def test_an_image_that_is_not_played_fails_by_name(impatient: Stage) -> None:
    impatient.config("torch", {"v1": (impatient.model("torch", "low", image=OTHER_IMAGE), 1.0)})
    shown = impatient.create("torch", "torch")
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"].endswith(f"has the image sagemaker-xgboost:3.0-5 and no other, not {OTHER_IMAGE}")
