"""A world in which version 7 of fraud is tested against version 6, and clients that report what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sluice.aws.metric_data import Counts, Moments
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.record_outcome.app import run as record_outcome
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

ROLLOUT = "fraud-7-1"
TEST = {"metric": "conversion", "better": "higher", "min_duration": "30m", "max_duration": "6h", "final_bake": "10m"}


def ab_world(*, period: int = 60, max_hold: str = "30m", **settings: Any) -> SluiceWorld:
    """Version 6 is live, version 7 approved; both are healthy, and busy enough for any weight up to half."""
    raw = SPEC.to_json()
    raw["rollout"].update(strategy="ab_test", ab_test={**TEST, **settings}, max_hold=max_hold)
    raw["endpoint"]["metrics_period_seconds"] = period
    world = sluice_world(ModelSpec.parse(raw))
    world.live(6)
    world.metrics.per_period = {"v6": Counts(1300, 2), "v7": Counts(700, 0)}
    assert world.approve(7) == ROLLOUT
    return world


class Reached(Exception):
    """The rollout stands where a test wants it."""


def world_under_test(**settings: Any) -> SluiceWorld:
    """Version 7 has its share of the traffic since a moment ago."""
    world = ab_world(**settings)

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Reached

    with suppress(Reached):
        world.play(ROLLOUT, on_state=stop)
    return world


def counts_of(world: SluiceWorld, variant: str) -> list[Moments]:
    """What was counted for a variant, period by period."""
    found = world.ports.outcomes.read(RolloutId.required(ROLLOUT), "conversion", (variant,))
    return list(found[variant].periods.values())


def outcome(inference_id: str, **detail: Any) -> dict[str, Any]:
    """What a client tells of one inference."""
    return {"model": "fraud", "inference_id": inference_id, "metric": "conversion", "value": 1, **detail}


def report(world: SluiceWorld, *details: dict[str, Any]) -> list[str]:
    """Deliver outcomes to the function as SQS does; the ids of the messages that go back."""
    events = [{"source": "acme.shop", "detail-type": "InferenceOutcome", "detail": detail} for detail in details]
    records = [{"messageId": str(index), "body": json.dumps(event)} for index, event in enumerate(events)]
    failed = record_outcome({"Records": records}, world.ports)["batchItemFailures"]
    return [each["itemIdentifier"] for each in failed]


def converting(world: SluiceWorld, **rates: float) -> Callable[[str], None]:
    """Clients that report before each look, of 10 inferences to v7 and 90 to v6, as many conversions as the rates say.

    For ``play(on_state=…)``.
    """
    told = 0

    def tell(state: str) -> None:
        nonlocal told
        if state != "AnalyzeStage":
            return
        told += 1
        for variant, count in (("v7", 10), ("v6", 90)):
            hits = round(rates[variant] * count)
            ids = (f"{variant}-{told}-{index}" for index in range(count))
            details = [outcome(each, variant=variant, value=int(index < hits)) for index, each in enumerate(ids)]
            assert report(world, *details) == []

    return tell


def findings(world: SluiceWorld) -> list[dict[str, Any]]:
    """What the test said at each look, oldest first."""
    history = world.ports.history.entries(RolloutId.required(ROLLOUT))
    looks = [line["data"]["findings"] for line in history if "findings" in line["data"]]
    return [each for look in looks for each in look if each["name"] == "A/B test"]
