"""Async: versions change while requests come all the time: a sound one takes over, one that fails is taken back."""

from __future__ import annotations

from typing import Any

from rehearsal.drivers.submitting import Submitting
from rehearsal.material.flaws import Flaw, failing
from rehearsal.scenarios.asynchronous_requests import ENDPOINT, instances_until, put_input, results_of, rows
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

RATE = 3.0
ALARMS = {"evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}


def _rollout(termination_wait: str) -> dict[str, Any]:
    """Blue/green; the old fleet waits so long for an alarm on the new one, whose metrics come once a minute."""
    how = {"wait": "0s", "termination_wait": termination_wait, "timeout": "10m"}
    return {"blue_green": how, "alarms": ALARMS}


def play(context: SceneContext) -> None:
    context.apply(endpoint=ENDPOINT, rollout=_rollout("5s"))
    first = context.release()
    context.outcome_of(first)
    _change_versions(context, first)


def _change_versions(context: SceneContext, first: int) -> None:
    """With requests all the time: a sound version takes over, one that fails is taken back, none is lost."""
    location = put_input(context, "steady.csv", rows(context, 5))
    client = context.client("sagemaker-runtime")
    with Submitting(client, context.endpoint, location, rate=RATE, prefix=context.model) as requests:
        instances_until(context, lambda seen: seen[-1] > 0)
        good = context.release()
        ended = context.outcome_of(good)
        _check_ending(context, "sound version, blue/green", "RolloutPromoted", ended.kind, good)
        context.apply(endpoint=ENDPOINT, rollout=_rollout("5m"))  # long enough for an alarm to ring
        bad = context.release(failing(1.0))
        ended = context.outcome_of(bad)
        _check_ending(context, "failing version, blue/green", "RolloutRolledBack", ended.kind, good)
        context.apply(endpoint=ENDPOINT, rollout={"strategy": "all_at_once"})
        last = context.release(Flaw(name="another", code="\n# nothing is wrong with it\n"))
        ended = context.outcome_of(last)
        _check_ending(context, "sound version, all at once", "RolloutPromoted", ended.kind, last)
    parked = [each["id"] for each in results_of(context, requests.ids) if each["status"] == "parked"]
    if parked:  # the failing version served for longer than their attempts lasted
        context.sluice("results", "replay", *parked)
    results = results_of(context, requests.ids)
    versions = sorted({each["version"] for each in results if each["version"]})
    context.check(
        "requests meanwhile",
        f"none refused, each has a result in the end, of versions {first} to {last}",
        f"{len(requests.refused)} refused, {len(parked)} replayed, "
        f"{sum(each['status'] == 'ready' for each in results)} of {len(requests.ids)} ready, versions {versions}",
        right=not requests.refused
        and all(each["status"] == "ready" for each in results)
        and {good, last} <= set(versions),
    )


def _check_ending(context: SceneContext, what: str, wanted: str, kind: str, version: int) -> None:
    found = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
    config = found["EndpointConfigName"]
    context.check(
        what,
        f"{wanted}, version {version} serves",
        f"{kind}, endpoint uses {config}",
        right=kind == wanted and config.startswith(f"{context.endpoint}-{version}-"),
    )


SCENE = Scene(name="queued-versions", about="requests through a queue while versions change", play=play)
