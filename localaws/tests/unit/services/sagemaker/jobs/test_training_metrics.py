"""The metrics of a training job, read from its log."""

from datetime import UTC, datetime

from localaws.services.sagemaker.jobs.training_metrics import final_metrics, metric_definitions

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LOG = "[0]\ttrain-rmse:2.5\tvalidation-rmse:2.6\n[1]\ttrain-rmse:1.25e-1\tvalidation-rmse:2.1\nmse=7\ndone\n"


def last(*given: dict[str, str], built_in: bool = False) -> dict[str, float]:
    found = final_metrics(metric_definitions(given, built_in=built_in), LOG, NOW)
    assert {entry["Timestamp"] for entry in found} <= {NOW}
    return {entry["MetricName"]: entry["Value"] for entry in found}


def test_the_images_own_algorithm_has_metrics_of_its_own() -> None:
    assert last(built_in=True) == {"train:rmse": 0.125, "validation:rmse": 2.1}


def test_a_script_has_those_of_the_request() -> None:
    assert last({"Name": "mse", "Regex": "mse=([0-9.]+)"}) == {"mse": 7.0}


def test_what_an_expression_captures_may_be_no_number_or_nothing() -> None:
    assert last({"Name": "a", "Regex": "(done)"}, {"Name": "b", "Regex": "absent ([0-9])"}) == {}
