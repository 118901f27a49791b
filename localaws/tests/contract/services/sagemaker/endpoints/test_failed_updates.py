"""Containers of an update that never get healthy: the endpoint stays what it was."""

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import Stage

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


def test_an_update_to_an_image_that_is_not_played_rolls_back(stage: Stage) -> None:
    stage.create("images", stage.config("images-1", {"v1": (stage.model("xgboost", "low"), 1.0)}))
    stage.config("images-2", {"v1": (stage.model("pytorch", "low", image=OTHER_IMAGE), 1.0)})
    stage.update("images", "images-2")
    shown = stage.settled("images")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "images-1")
    assert OTHER_IMAGE in shown["FailureReason"]
