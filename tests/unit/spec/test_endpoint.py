"""Each way to serve has limits of its own, and a user who changes ``endpoint.type`` changes nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from sluice.errors import SpecError
from sluice.spec.model import Endpoint, ModelSpec
from sluice.spec.schema.fields import Choice
from sluice.spec.serving_modes import STRATEGIES, obstacle_between

from tests.builders.spec_examples import spec_with

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "models").glob("*.yaml"))
(_TYPE,) = (one for one in get_args(Endpoint.__annotations__["type"]) if isinstance(one, Choice))
TYPES = [kind for kind in STRATEGIES if kind in _TYPE.values]  # those that this release acts on
SERVERLESS = ("endpoint.type", "serverless")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", TYPES)
def test_a_shipped_spec_is_valid_for_every_type(path: Path, kind: str) -> None:
    raw: dict[str, Any] = yaml.safe_load(path.read_text())
    raw["endpoint"]["type"] = kind
    spec = ModelSpec.parse(raw)
    assert (spec.endpoint.type, spec.rollout.strategy) == (kind, STRATEGIES[kind][0])


def test_what_auto_stands_for_is_stored() -> None:
    spec = ModelSpec.parse(spec_with(SERVERLESS))
    assert spec.to_json()["rollout"]["strategy"] == "all_at_once"
    assert ModelSpec.parse(spec.to_json()) == spec


def test_serverless_metrics_come_every_minute_whatever_the_instances_do() -> None:
    quick = ("endpoint.metrics_period_seconds", 10)
    assert ModelSpec.parse(spec_with(quick)).endpoint.period_seconds == 10
    assert ModelSpec.parse(spec_with(quick, SERVERLESS)).endpoint.period_seconds == 60


@pytest.mark.parametrize(
    ("changes", "path", "allowed", "message"),
    [
        ([("endpoint.serverless.memory_mb", 1536)], "endpoint.serverless.memory_mb", "1024 | 2048", "unknown"),
        ([("endpoint.serverless.max_concurrency", 201)], "endpoint.serverless.max_concurrency", "1 to 200", "range"),
        (
            [("endpoint.serverless", {"max_concurrency": 5, "provisioned_concurrency": 6})],
            "endpoint.serverless.provisioned_concurrency",
            "1 to 5",
            "6 containers kept warm are more than the 5",
        ),
        ([("endpoint.instance_type", "ml.g5.xlarge")], "endpoint.instance_type", "without GPU", "accelerator"),
        (
            [("endpoint.batch", {"max_payload_mb": 30, "max_concurrent_transforms": 4})],
            "endpoint.batch.max_concurrent_transforms",
            "1 to 3 with endpoint.batch.max_payload_mb 30",
            "more than 100 MB",
        ),
        ([("endpoint.batch.max_payload_mb", 0)], "endpoint.batch.max_payload_mb", "1 to 100", "out of range"),
        ([("endpoint.batch.input_filter", "[1:]")], "endpoint.batch.input_filter", "JSONPath", "wrong form"),
        ([("rollout.strategy", "canary")], "rollout.strategy", "auto | all_at_once", "another endpoint.type"),
        (
            [("rollout.alarms.evaluation_periods", 1441), ("endpoint.metrics_period_seconds", 10)],
            "rollout.alarms.evaluation_periods",
            "1 to 1440",
            "one day",
        ),
        (
            [("endpoint.serverless.provisioned_concurrency", 2), ("endpoint.scaling", {"target": 70})],
            "endpoint.scaling.target",
            "up to 1",
            "no share",
        ),
    ],
)
def test_what_serverless_cannot_do(changes: list[tuple[str, object]], path: str, allowed: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ModelSpec.parse(spec_with(SERVERLESS, *changes))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert allowed in problem.allowed
    assert message in problem.message


@pytest.mark.parametrize("kind", ["real-time", "serverless"])
@pytest.mark.parametrize(
    ("scaling", "path", "message"),
    [
        ({"min": 3, "max": 2}, "endpoint.scaling.min", "3 is more than the maximum"),
        ({"min": 0}, "endpoint.scaling.min", ""),
        (
            {"scheduled": [{"when": "cron(0 8 ? * MON-FRI *)", "min": 0, "max": 4}]},
            "endpoint.scaling.scheduled[0].min",
            "",
        ),
        (
            {"scheduled": [{"when": "cron(0 8 ? * MON-FRI *)", "min": 5, "max": 4}]},
            "endpoint.scaling.scheduled[0].min",
            "5 is more than the maximum",
        ),
    ],
)
def test_ranges_that_no_capacity_fits(kind: str, scaling: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ModelSpec.parse(spec_with(("endpoint.type", kind), ("endpoint.scaling", scaling)))
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize("kind", TYPES)
def test_a_target_for_instances_may_stay_where_nothing_is_kept_warm(kind: str) -> None:
    spec = ModelSpec.parse(spec_with(("endpoint.type", kind), ("endpoint.scaling", {"target": 200})))
    assert spec.endpoint.scaling is not None
    assert spec.endpoint.scaling.target == 200


@pytest.mark.parametrize(
    ("served", "wanted", "is_possible"),
    [
        ("real-time", "real-time", True),
        ("real-time", "serverless", False),
        ("async", "serverless", False),
        ("serverless", "real-time", False),
        ("real-time", "async", False),
        ("real-time", "batch", True),
    ],
)
def test_what_an_endpoint_can_become(served: str, wanted: str, is_possible: bool) -> None:
    obstacle = obstacle_between("sluice-dev-fraud", served, wanted)
    assert (obstacle is None) is is_possible
    assert is_possible or (obstacle and f"cannot become {wanted}; set endpoint.suffix" in obstacle)
