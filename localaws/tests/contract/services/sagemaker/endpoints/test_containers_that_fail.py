"""Containers of a new endpoint that never get healthy: it fails, for a reason that is said."""

import pytest

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import ROLE_WITHOUT_RIGHTS, Stage, refusal


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


def test_an_image_that_is_not_played_fails_by_name(impatient: Stage) -> None:
    impatient.config("torch", {"v1": (impatient.model("torch", "low", image=OTHER_IMAGE), 1.0)})
    shown = impatient.create("torch", "torch")
    assert shown["EndpointStatus"] == "Failed"
    assert shown["FailureReason"].endswith(f"has the image sagemaker-xgboost:3.0-5 and no other, not {OTHER_IMAGE}")
