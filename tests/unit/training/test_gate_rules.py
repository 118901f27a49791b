"""The gate: what its rules refuse and in which words, and what a run is told of the version in service."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from gate import GateError, failed_rules
from sluice.spec.model import Limit, ModelSpec, QualityGate
from sluice.training.pipeline_parameters import live_parameters

from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

METRICS = {"mse": 4.9, "auc": 0.81, "mae": 2.0}


@pytest.mark.parametrize(
    ("rules", "live", "failed"),
    [
        ("none", "none", []),
        ("mse<=4.9 auc>=0.81", "none", []),
        ("mse<=4.8", "none", ["mse is 4.9, above the maximum of 4.8"]),
        ("auc>=0.9", "none", ["auc is 0.81, below the minimum of 0.9"]),
        ("mse<=1 mae<=1e-06", "none", ["mse is 4.9, above the maximum of 1", "mae is 2, above the maximum of 1e-06"]),
        ("live<=10", "none", []),
        ("live<=10", "7 mse=4.5", []),
        (
            "live<=10",
            "7 mse=4.2",
            ["mse is 4.9, above 4.62: worse than the 4.2 of live version 7 by more than 10 %"],
        ),
        ("live<=10", "7 auc=0.9", []),
        (
            "live<=5",
            "7 auc=0.9",
            ["auc is 0.81, below 0.855: worse than the 0.9 of live version 7 by more than 5 %"],
        ),
        ("live<=0", "7 mse=4.9", []),
    ],
)
def test_a_failed_rule_names_metric_value_and_threshold(rules: str, live: str, failed: list[str]) -> None:
    assert failed_rules(rules, live, METRICS) == failed


@pytest.mark.parametrize("rules", ["r2>=0.5", "mse=4", "mse < 4", "live>10"])
def test_a_rule_that_cannot_be_judged_is_an_error_and_not_a_pass(rules: str) -> None:
    with pytest.raises((GateError, ValueError)):
        failed_rules(rules, "7 rmse=4", METRICS)


def test_the_rules_are_those_of_the_spec() -> None:
    gate = QualityGate(mse=Limit(max=6), auc=Limit(min=0.9, max=1), not_worse_than_live_percent=12.5)
    assert gate.text == "mse<=6 auc>=0.9 auc<=1 live<=12.5"
    assert QualityGate().text == "none"
    assert failed_rules(gate.text, "none", {"mse": 6.0, "auc": 0.9}) == []


def spec_that_compares(**data: Any) -> ModelSpec:
    raw = SPEC.to_json()
    pipeline = {**raw["pipeline"], "gate": {"not_worse_than_live_percent": 10}}
    return ModelSpec.parse({**raw, "pipeline": pipeline, "data": {**raw["data"], **data}})


CLASSIFIER = {"target_values": {"type": "category", "categories": ["no", "yes"], "positive": "yes"}}


def world_with_live(report: dict[str, Any]) -> SluiceWorld:
    world = sluice_world()
    world.live(1)
    arn = next(iter(world.ports.store.rollouts("fraud"))).package_arn
    uri = "s3://sluice-dev-data/pipelines/fraud/1/evaluation.json"
    world.bucket.objects["pipelines/fraud/1/evaluation.json"] = json.dumps(report).encode()
    world.registry.packages[arn] = replace(world.registry.packages[arn], metrics_uri=uri)
    return world


def test_a_run_is_given_the_live_versions_metric() -> None:
    report = {"regression_metrics": {"mse": {"value": 4.2}}, "binary_classification_metrics": {"auc": {"value": 0.9}}}
    world = world_with_live(report)
    assert live_parameters(spec_that_compares(), world.ports) == {"Live": "1 mse=4.2"}
    assert live_parameters(spec_that_compares(**CLASSIFIER), world.ports) == {"Live": "1 auc=0.9"}


def test_a_gate_that_does_not_compare_asks_nothing() -> None:
    world = world_with_live({})
    seen = world.faults.seen
    assert live_parameters(SPEC, world.ports) == {}
    assert world.faults.seen == seen


def test_without_a_live_version_there_is_nothing_to_be_worse_than() -> None:
    assert live_parameters(spec_that_compares(), sluice_world().ports) == {"Live": "none"}


def test_a_live_version_that_is_deleted_does_not_stop_training_and_is_named_in_the_log() -> None:
    world = world_with_live({})
    world.registry.delete(next(iter(world.registry.packages)))
    assert live_parameters(spec_that_compares(), world.ports) == {"Live": "none"}
    level, message, fields = world.telemetry.lines[-1]
    assert (level, fields["version"]) == ("INFO", 1)
    assert "the live version is deleted" in message


def test_a_live_version_whose_metric_cannot_be_read_lets_nothing_pass() -> None:
    (told,) = live_parameters(spec_that_compares(), world_with_live({}).ports).values()
    (reason,) = failed_rules("live<=10", told, METRICS)
    assert reason.startswith("mse of live version 1 is not known")
