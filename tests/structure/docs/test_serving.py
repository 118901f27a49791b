"""docs/serving.md says the limits, costs and defaults that the code has."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sluice.batch.instance_prices import SHIPPED
from sluice.endpoint.scaling_rules import TARGETS
from sluice.spec import serving_modes as limits
from sluice.spec.rollout import Rollout

from cli.sizing import serving_costs
from cli.sizing.capacity.policy import HIGH_MINUTES, LOW_MINUTES, LOW_SHARE, TargetTracking
from cli.sizing.capacity.simulator import Fleet, simulate
from cli.sizing.capacity.trace import read_trace
from cli.sizing.prices import read_prices
from cli.sizing.serving_costs import Costs, Workload
from cli.sizing.simulate import SHIPPED_TRACE

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "serving.md").read_text()
ROWS = re.findall(r"^\| (\d+) ms \| (\d+) MB \| ([\d,]+) \| ([\d,]+) \|$", DOCS, re.MULTILINE)


def costs(response_ms: str, memory_mb: str, traffic: str) -> Costs:
    load = Workload(
        payload_mb=0.01,
        response_seconds=int(response_ms) / 1000,
        traffic=traffic,
        requests_per_month=1,
        latency="seconds",
        memory_mb=int(memory_mb),
        instance_type="ml.m5.large",
    )
    return Costs(load, read_prices())


@pytest.mark.parametrize(("response_ms", "memory_mb", "first", "for_good"), ROWS)
def test_the_crossovers_are_those_that_are_computed(
    response_ms: str, memory_mb: str, first: str, for_good: str
) -> None:
    crossing = costs(response_ms, memory_mb, "steady").crossover()
    assert crossing is not None
    assert (f"{crossing.first:,}", f"{crossing.for_good:,}") == (first, for_good)
    assert costs(response_ms, memory_mb, "spiky").crossover() is None


def cells(title: str) -> list[str]:
    (line,) = (line for line in DOCS.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_limits_are_those_that_are_checked() -> None:
    assert cells("largest request")[:3] == [
        f"{most} MB" for most in (limits.REAL_TIME_PAYLOAD_MB, limits.SERVERLESS_PAYLOAD_MB, limits.ASYNC_PAYLOAD_MB)
    ]
    assert cells("longest response") == [
        f"{limits.REAL_TIME_RESPONSE_SECONDS} s",
        f"{limits.SERVERLESS_RESPONSE_SECONDS} s",
        f"{limits.ASYNC_RESPONSE_SECONDS} s",
        f"{limits.BATCH_RESPONSE_SECONDS} s for a mini-batch",
    ]
    assert cells("requests at once")[1] == str(limits.SERVERLESS_CONCURRENCY)
    memory = limits.SERVERLESS_MEMORY_MB
    assert cells("memory")[1] == f"{memory[0]} to {memory[-1]} MB in steps of {memory[1] - memory[0]}"


def test_the_assumptions_are_those_of_the_estimate() -> None:
    assert len(ROWS) == 6
    for said in (
        SHIPPED.name,
        f"{serving_costs.PEAK_UTILISATION * 100:.0f} % of their capacity",
        f"{serving_costs.HOURS_PER_BURST * 60:.0f} minutes around each burst",
        f"{serving_costs.HOURS_TO_START * 60:.0f} minutes to start them",
    ):
        assert said in DOCS


def test_the_policy_is_the_one_that_is_simulated() -> None:
    assert (HIGH_MINUTES, LOW_MINUTES, LOW_SHARE) == (3, 15, 0.9)
    assert f"default target of {TargetTracking().target:g}" in DOCS


def test_the_example_ends_as_it_says() -> None:
    trace = read_trace(SHIPPED_TRACE)
    fleet = Fleet(concurrency=2, service_time=lambda _random: 0.2, startup_seconds=300, usd_per_hour=1)
    assert simulate(trace, TargetTracking(), fleet, seed=0).totals().rejected > 20_000
    assert simulate(trace, TargetTracking(), replace(fleet, startup_seconds=120), seed=0).totals().rejected == 0


SETTINGS = re.findall(r"^\| [^|`]+ \| `([a-z_.\[\]]+)`[^|]* \| ([^|]*) \|$", DOCS, re.MULTILINE)


def documented_default(path: str) -> object:
    """What the schema says for a path; KeyError if there is no such field."""
    found: Any = json.loads((ROOT / "models" / "model.schema.json").read_text())
    for name in path.replace("[]", "").split("."):
        found = _mapping_in(found)["properties"][name]
    return found.get("default")


def _mapping_in(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that has fields: it may stand in a list, or beside null."""
    if "properties" in schema:
        return schema
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next(_mapping_in(one) for one in inner if one.get("type") != "null")


@pytest.mark.parametrize(("path", "default"), SETTINGS)
def test_every_setting_is_in_the_spec_with_its_default(path: str, default: str) -> None:
    known = documented_default(path)
    if path == "endpoint.scaling.target":
        assert float(default.split(maxsplit=1)[0]) in TARGETS.values()
    elif path == "rollout.stages[].weight":
        assert default == ", then ".join(str(stage.weight) for stage in Rollout().stages)
    elif path == "endpoint.scaling.scheduled":
        assert (default, known) == ("none", [])
    else:
        assert default == (json.dumps(known) if not isinstance(known, str) else known)


def test_the_table_of_settings_is_not_overlooked() -> None:
    assert len(SETTINGS) > 20
    sections = {".".join(path.split(".")[:2]) for path, _ in SETTINGS}
    assert {"endpoint.serverless", "endpoint.async", "endpoint.batch", "endpoint.scaling"} <= sections
