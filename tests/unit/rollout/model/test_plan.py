"""A plan is read by functions of another release: while functions are updated, and after a rollback of the stack."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sluice.rollout.model.plan import BatchPlan, Plan
from sluice.rollout.model.record import parse_record
from sluice.rollout_id import RolloutId
from sluice.spec.serving import Batch

from tests.fakes.sluice_world import ENDPOINT, SluiceWorld, sluice_world

RELEASE_0_2 = {
    "": "alarms async_invocations baseline batch blue_green candidate canary_config endpoint engine experiment gate "
    "judge look_seconds max_hold_seconds mirror on_doubt period_seconds scaling slow_over_us stages strategy "
    "watch_seconds windows",
    "batch.settings": "input_filter instance_count join_input max_concurrent_transforms max_payload_mb output_filter "
    "records_per_request sample_rows schedule",
    "candidate": "config instance_count instance_type model serverless variant weight",
    "baseline": "config instance_count instance_type model serverless variant weight",
}
"""The fields that release 0.2 knows; it fails on any other."""


def planned() -> tuple[SluiceWorld, RolloutId, Plan]:
    """A rollout with a plan as the application makes it."""
    world = sluice_world()
    world.live(1)
    world.metrics.per_period["v2"] = world.metrics.per_period["v1"]
    rollout = RolloutId.required(world.approve(2))
    assert world.play(str(rollout)) == "Promoted"
    return world, rollout, world.ports.store.get(rollout).planned()


def item_of(world: SluiceWorld, rollout: RolloutId, plan: Plan) -> dict[str, Any]:
    """The item of a rollout that gets this plan."""
    other = replace(rollout, attempt=2)
    now = world.clock.now()
    world.ports.store.open(replace(world.ports.store.get(rollout), id=other, opened_at=now))
    world.ports.store.save_plan(other, plan, now)
    table = world.ports.store._table
    (item,) = table.query("MODEL#fraud", f"ROLLOUT#{other.version:07d}#002")
    return item


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"detailed_observability": True},
        {"network_isolation": True},
        {"response_seconds": 900},
        {"batch": BatchPlan(settings=Batch(header=True, on_bad_rows="set_aside"), input_digest="d")},
    ],
    ids=str,
)
def test_release_0_2_can_read_every_plan_that_is_stored(changes: dict[str, Any]) -> None:
    world, rollout, plan = planned()
    plan = replace(plan, **changes)
    item = item_of(world, rollout, plan)
    stored = json.loads(item["rollout_plan"])
    for path, known in RELEASE_0_2.items():
        place = stored
        for part in filter(None, path.split(".")):
            place = (place or {}).get(part)
        assert set(place or {}) <= set(known.split()), path
    assert parse_record(item).plan == plan, "and this release reads all of it"


def test_fields_of_a_later_release_are_ignored() -> None:
    _, _, plan = planned()
    raw = json.loads(json.dumps(plan.to_json()))
    places = [raw, raw["candidate"], raw["baseline"], raw["stages"][0], raw["judge"], raw["alarms"]]
    for place in places:
        place["of_a_later_release"] = 1
    assert Plan.from_json(raw) == plan
    assert plan.endpoint == ENDPOINT
