"""Containers that never get healthy: a new endpoint fails, an updated one stays what it was."""

import pytest

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import ROLE_WITHOUT_RIGHTS, Stage, refusal

NO_PING = "The primary container for production variant v2 did not pass the ping health check."


def test_an_update_that_cannot_come_up_rolls_back(stage: Stage) -> None:
    good = (stage.model("good", "low"), 1.0)
    stage.create("steady", stage.config("steady-1", {"v1": good}))
    stage.config("steady-2", {"v1": good, "v2": (stage.model("bad", "script-exits"), 1.0)})
    stage.sagemaker.update_endpoint(EndpointName="steady", EndpointConfigName="steady-2")
    shown = stage.settled("steady")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "steady-1")
    assert shown["FailureReason"].startswith(NO_PING)
    assert "PendingDeploymentSummary" not in shown
    assert {stage.invoke("steady")[1] for _ in range(10)} == {"v1"}
    assert stage.announced("steady", 5)[2:] == [
        ("UPDATING", "steady-1"),
        ("ROLLING_BACK", "steady-1"),
        ("IN_SERVICE", "steady-1"),
    ]


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


def test_an_update_to_an_image_that_is_not_played_rolls_back(stage: Stage) -> None:
    stage.create("images", stage.config("images-1", {"v1": (stage.model("xgboost", "low"), 1.0)}))
    stage.config("images-2", {"v1": (stage.model("pytorch", "low", image=OTHER_IMAGE), 1.0)})
    stage.update("images", "images-2")
    shown = stage.settled("images")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "images-1")
    assert OTHER_IMAGE in shown["FailureReason"]
