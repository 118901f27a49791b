"""Rollouts that SageMaker carries out behind its guardrails, on the real state machine with fake AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.live_version import live_version
from sluice.rollout.model.patience import UNSEEN
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.abort_rollout.app import run as roll_back
from tests.fakes.decisions import decide
from tests.fakes.sluice_world import ENDPOINT, SPEC, SluiceWorld, live_variants, outcome_of, sluice_world

ROLLOUT = "fraud-2-1"
ERRORS, STOP = f"{ENDPOINT}-2-1-errors", f"{ENDPOINT}-2-1-stop"


def guarded(**rollout: object) -> ModelSpec:
    raw = SPEC.to_json()
    raw["rollout"] |= {"strategy": "blue_green", "blue_green": {"routing": "canary"}, **rollout}
    return ModelSpec.parse(raw)


@pytest.fixture
def world() -> SluiceWorld:
    made = sluice_world(guarded())
    made.live(1)
    return made


def model_of(world: SluiceWorld) -> str:
    (only,) = world.hosting.endpoints[ENDPOINT].variants
    return only.model


def deploying(world: SluiceWorld) -> bool:
    return world.hosting.endpoints[ENDPOINT].status == "Updating"


def test_sagemaker_deploys_under_the_old_variants_name_and_the_version_is_known(world: SluiceWorld) -> None:
    assert world.play(world.approve(2)) == "Promoted"
    assert live_variants(world) == {"v1": 100.0}
    assert model_of(world) == "sluice-dev-fraud-2-1-model"
    assert live_version("fraud", world.ports) == 2
    assert outcome_of(world, ROLLOUT)[0] == "promoted"
    assert world.metrics.alarms == {}
    (deployment,) = world.hosting.deployments
    assert deployment.alarms == (ERRORS, f"{ENDPOINT}-2-1-latency", STOP)


def test_the_alarms_are_there_before_the_deployment_begins(world: SluiceWorld) -> None:
    seen: dict[str, list[str]] = {}

    def remember(_state: str) -> None:
        if deploying(world):
            seen.setdefault("alarms", sorted(world.metrics.alarms))

    world.play(world.approve(2), on_state=remember)
    assert seen["alarms"] == [f"{ENDPOINT}-2-1-{name}" for name in ("alarms", "errors", "latency", "stop")]


def test_what_is_live_is_identified_by_its_model_when_it_comes_again(world: SluiceWorld) -> None:
    world.play(world.approve(2))
    world.clock.pass_seconds(60)
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == 2)
    decide(world, arn, "PendingManualApproval")
    world.clock.pass_seconds(60)
    assert world.play(decide(world, arn, "Approved")["rollout"]) == "Promoted"
    assert len(world.hosting.deployments) == 1, "it serves already"


def test_a_canary_beside_a_variant_with_the_name_of_its_version_gets_another_name(world: SluiceWorld) -> None:
    world.play(world.approve(2))
    world.specs.specs["fraud"] = SPEC
    world.metrics.per_period = {"v1": Counts(1000, 2), "v1-2": Counts(1000, 0)}
    world.clock.pass_seconds(60)
    rollout = world.approve(1)
    assert rollout == "fraud-1-2"
    assert world.play(rollout) == "Promoted"
    assert live_variants(world) == {"v1-2": 100.0}
    assert live_version("fraud", world.ports) == 1


def test_an_alarm_has_sagemaker_go_back_and_its_name_is_the_reason(world: SluiceWorld) -> None:
    rung: list[dict[str, object]] = []

    def ring_once(_state: str) -> None:
        if deploying(world) and not rung:
            rung.append(world.ring(ERRORS))

    assert world.play(world.approve(2), on_state=ring_once) == "RolledBack"
    assert rung == [{"rollout": ROLLOUT, "moved": "deployment"}]
    outcome, reason = outcome_of(world, ROLLOUT)
    assert outcome == "rolled_back"
    assert ERRORS in reason
    assert model_of(world) == "sluice-dev-fraud-1-1-model"
    rejected = next(each for each in world.registry.packages.values() if each.version == 2)
    assert (rejected.approval, ERRORS in rejected.description) == ("Rejected", True)
    assert world.metrics.alarms == {}


def test_an_alarm_whose_event_is_lost_ends_as_rolled_back_too(world: SluiceWorld) -> None:
    def ring_silently(_state: str) -> None:
        if deploying(world):
            world.metrics.alarms[ERRORS] = "ALARM"

    assert world.play(world.approve(2), on_state=ring_silently) == "RolledBack"
    outcome, reason = outcome_of(world, ROLLOUT)
    assert (outcome, ERRORS in reason) == ("rolled_back", True)


def test_what_sagemaker_takes_back_by_itself_is_a_rollback_with_its_reason(world: SluiceWorld) -> None:
    world.hosting.unhealthy.add("sluice-dev-fraud-2-1-model")
    assert world.play(world.approve(2)) == "RolledBack"
    outcome, reason = outcome_of(world, ROLLOUT)
    assert (outcome, "ping failed" in reason) == ("rolled_back", True)
    assert model_of(world) == "sluice-dev-fraud-1-1-model"


def abort(world: SluiceWorld) -> dict[str, object]:
    return roll_back({"detail-type": "RolloutAbortRequested", "detail": {"rollout": ROLLOUT}}, world.ports)


@pytest.mark.parametrize("heeds", [True, False], ids=["SageMaker heeds the alarm", "it does not"])
def test_an_abort_in_mid_deployment_brings_the_old_version_back(world: SluiceWorld, heeds: bool) -> None:
    world.hosting.heeds_alarms = heeds
    statuses: list[str] = []

    def abort_once(state: str) -> None:
        if deploying(world) and not statuses:
            abort(world)
            assert world.metrics.alarms[STOP] == "ALARM"
        if state == "WaitForBaseline" or statuses:
            statuses.append(world.hosting.endpoints[ENDPOINT].status)

    assert world.play(world.approve(2), on_state=abort_once) == "RolledBack"
    assert outcome_of(world, ROLLOUT) == ("rolled_back", "aborted")
    assert model_of(world) == "sluice-dev-fraud-1-1-model"
    assert ("RollingBack" in statuses) == heeds
    assert world.metrics.alarms == {}


def test_a_deployment_that_sagemaker_took_back_for_an_alarm_of_the_rollout_is_waited_for_no_longer(
    world: SluiceWorld,
) -> None:
    """Its reason names the alarm, so the update that was asked for a moment ago is no longer to come."""
    requested: list[datetime] = []

    def abort_once(_state: str) -> None:
        if deploying(world) and not requested:
            requested.append(world.clock.now())
            abort(world)

    assert world.play(world.approve(2), on_state=abort_once) == "RolledBack"
    record = world.ports.store.get(RolloutId.required(ROLLOUT))
    assert STOP in world.hosting.endpoints[ENDPOINT].failure_reason
    assert record.closed_at is not None
    assert record.requested_at is not None
    assert record.closed_at - record.requested_at < UNSEEN


def test_a_withdrawn_version_is_stopped_in_mid_deployment(world: SluiceWorld) -> None:
    rollout = world.approve(2)
    arn = world.ports.store.get(RolloutId.required(rollout)).package_arn

    def withdraw(_state: str) -> None:
        if deploying(world):
            world.registry.reject(arn, "changed my mind")

    assert world.play(rollout, on_state=withdraw) == "RolledBack"
    assert outcome_of(world, rollout)[0] == "withdrawn"
    assert model_of(world) == "sluice-dev-fraud-1-1-model"


def test_a_newer_approval_stops_the_deployment_and_is_deployed(world: SluiceWorld) -> None:
    newer: list[str] = []

    def approve_newer(_state: str) -> None:
        if deploying(world) and not newer:
            world.clock.pass_seconds(1)
            newer.append(world.approve(3))

    assert world.play(world.approve(2), on_state=approve_newer) == "RolledBack"
    assert outcome_of(world, ROLLOUT)[0] == "superseded"
    assert world.play(newer[0]) == "Promoted"
    assert live_version("fraud", world.ports) == 3


def test_an_alarm_in_the_watch_puts_the_old_config_back() -> None:
    world = sluice_world(guarded(watch="10m"))
    world.live(1)

    def ring_when_deployed(state: str) -> None:
        if state == "WaitForPromotion" and not deploying(world) and ERRORS in world.metrics.alarms:
            world.ring(ERRORS)

    assert world.play(world.approve(2), on_state=ring_when_deployed) == "RolledBack"
    world.hosting.settle()
    assert model_of(world) == "sluice-dev-fraud-1-1-model"
    assert outcome_of(world, ROLLOUT)[0] == "rolled_back"


def test_a_larger_fleet_in_the_spec_is_deployed_as_such(world: SluiceWorld) -> None:
    raw = guarded().to_json()
    raw["endpoint"]["instance_count"] = 6
    world.specs.specs["fraud"] = ModelSpec.parse(raw)
    assert world.play(world.approve(2)) == "Promoted"
    assert world.hosting.endpoints[ENDPOINT].variants[0].desired_count == 6
    assert world.hosting.deployments[0].resizes


def test_a_fleet_that_was_scaled_in_to_nothing_is_not_deployed_without_instances(world: SluiceWorld) -> None:
    def scale_in(state: str) -> None:
        if state == "ProvisionCandidate" and not deploying(world) and not world.hosting.deployments:
            world.hosting.set_capacity(ENDPOINT, "v1", 0)
            world.hosting.settle()

    assert world.play(world.approve(2), on_state=scale_in) == "Promoted"
    assert world.hosting.deployments[0].resizes
    assert world.hosting.endpoints[ENDPOINT].variants[0].desired_count == 4


def test_errors_of_the_old_fleet_are_not_counted_against_the_new_one_that_has_its_name() -> None:
    """Without the config as dimension, the series goes on: an alarm looks back on periods that the old fleet served."""
    world = sluice_world(guarded(watch="10m"))
    world.live(1)
    put: list[tuple[datetime, bool]] = []
    switched: list[datetime] = []
    put_alarms = world.metrics.put_alarms

    def remember(alarms: Sequence[Mapping[str, Any]]) -> None:
        of_config = any(each["Name"] == "EndpointConfigName" for each in _dimensions(alarms[0]))
        put.append((world.clock.now(), of_config))
        put_alarms(alarms)

    def look(_state: str) -> None:
        if not switched and model_of(world) == "sluice-dev-fraud-2-1-model":
            switched.append(world.clock.now())

    world.metrics.put_alarms = remember  # type: ignore[method-assign]
    assert world.play(world.approve(2), on_state=look) == "Promoted"
    (watching,) = [at for at, of_config in put if not of_config]
    assert watching - switched[0] >= timedelta(seconds=(3 + 1) * 60), "three periods, and the one of the switch"
    record = world.ports.store.get(RolloutId.required(ROLLOUT))
    assert record.watching_since is not None
    assert record.watching_since >= watching, "the watch is as long as it is to be, with its alarms"


def _dimensions(alarm: Mapping[str, Any]) -> list[dict[str, str]]:
    return next(each["MetricStat"]["Metric"]["Dimensions"] for each in alarm["Metrics"] if "MetricStat" in each)
