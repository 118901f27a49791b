"""Async: requests through a queue. Each ends with a result or is parked, capacity scales, versions change meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from rehearsal.drivers.submitting import Submitting
from rehearsal.material.flaws import Flaw, failing, slow
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

MB = 2**20
LARGE_MB, OVERSIZED_MB = 8, 25  # more than real-time takes; more than the local AWS takes in a hurry
GOOD, FAILING, OVERSIZED = 34, 4, 2
RATE = 3.0
WAIT_SECONDS = 150.0
SCALING_SECONDS = 240.0  # the first instance comes with an alarm of a minute
ENDPOINT = {
    "type": "async",
    "instance_count": 1,
    "async": {"max_concurrent_invocations_per_instance": 2, "max_attempts": 3, "retry_delay": "1s"},
    "scaling": {"min": 0, "max": 3, "target": 4, "scale_in_cooldown": "0s", "scale_out_cooldown": "0s"},
}
ALARMS = {"evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}


def _rollout(termination_wait: str) -> dict[str, Any]:
    """Blue/green; the old fleet waits so long for an alarm on the new one, whose metrics come once a minute."""
    how = {"wait": "0s", "termination_wait": termination_wait, "timeout": "10m"}
    return {"blue_green": how, "alarms": ALARMS}


def play(context: SceneContext) -> None:
    context.apply(endpoint=ENDPOINT, rollout=_rollout("5s"))
    first = context.release(slow(1.0))
    context.outcome_of(first)
    _send_forty(context)
    _change_versions(context, first)


def _send_forty(context: SceneContext) -> None:
    """Sent to no instance at all: the queue wakes the first one, more follow, and all go again."""
    context.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=context.endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredInstanceCount": 0}],
    )
    _instances_until(context, lambda seen: seen[-1] == 0)
    files = _inputs(context)
    with ThreadPoolExecutor(1) as watching:  # from before the first request: they are many, and instances quick
        watched = watching.submit(_instances_until, context, lambda seen: seen[-1] == 0 and max(seen) > 1)
        with context.step(f"sluice invoke-async {context.model}, {len(files)} files"):
            sent = context.sluice("invoke-async", context.model, *files, "--no-wait", "--output", "json")
        ids = [each["id"] for each in json.loads(sent)["inferences"]]
        with context.step("the queue wakes instances, which go when it is empty") as step:
            counts = watched.result()
            step.note = " → ".join(map(str, counts))
    context.check("instances", "0 → n → 0", step.note, right=counts[0] == counts[-1] == 0 and max(counts) > 1)
    results = _results(context, ids)
    statuses = [each["status"] for each in results]
    context.check(
        "40 inputs",
        f"{GOOD} results; {FAILING} that the model fails on and {OVERSIZED} oversized ones parked",
        f"{statuses.count('ready')} results, {statuses.count('parked')} parked, of {len(set(ids))}",
        right=statuses == ["ready"] * GOOD + ["parked"] * (FAILING + OVERSIZED),
    )
    tries = [each["attempts"] for each in results[GOOD:]]
    context.check(
        "attempts",
        "3 where another may help, 1 where the input is at fault",
        f"{tries}: {results[GOOD]['reason'][:60]}… and {results[-1]['reason'][:60]}…",
        right=tries == [3] * FAILING + [1] * OVERSIZED,
    )
    _replay(context, results[GOOD])


def _replay(context: SceneContext, parked: dict[str, Any]) -> None:
    """What was wrong with an input is put right, and a person sends it again."""
    _put(context, parked["input"].partition("/input/")[2], _rows(context, 2))
    with context.step(f"sluice results replay {parked['id']}"):
        context.sluice("results", "replay", parked["id"])
    (again,) = _results(context, [parked["id"]])
    context.check(
        "parked one sent again", "ready", f"{again['status']} {again['output']}", right=again["status"] == "ready"
    )


def _change_versions(context: SceneContext, first: int) -> None:
    """With requests all the time: a sound version takes over, one that fails is taken back, none is lost."""
    location = _put(context, "steady.csv", _rows(context, 5))
    client = context.client("sagemaker-runtime")
    with Submitting(client, context.endpoint, location, rate=RATE, prefix=context.model) as requests:
        _instances_until(context, lambda seen: seen[-1] > 0)
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
    parked = [each["id"] for each in _results(context, requests.ids) if each["status"] == "parked"]
    if parked:  # the failing version served for longer than their attempts lasted
        context.sluice("results", "replay", *parked)
    results = _results(context, requests.ids)
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


def _inputs(context: SceneContext) -> list[str]:
    """40 files: small and large ones, then those that the model fails on, then those that are too large."""
    folder = context.around.folder / context.model
    folder.mkdir(exist_ok=True)
    large = _rows(context, 500)
    large *= LARGE_MB * MB // len(large) + 1
    texts = [_rows(context, 1 + 20 * number) for number in range(GOOD - 2)] + [large] * 2
    texts += ["no row of this model\n"] * FAILING + ["1" * (OVERSIZED_MB * MB)] * OVERSIZED
    return [_write(folder / f"{number:02}.csv", text) for number, text in enumerate(texts)]


def _write(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


def _rows(context: SceneContext, count: int) -> str:
    return "".join(f"{row}\n" for row in islice(context.rows(), count))


def _put(context: SceneContext, name: str, text: str) -> str:
    bucket, key = context.around.bucket(), f"async/{context.model}/input/{name}"
    context.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return f"s3://{bucket}/{key}"


def _instances_until(context: SceneContext, enough: Callable[[list[int]], bool]) -> list[int]:
    """The numbers of instances that the endpoint has had, until they are as wanted."""
    seen: list[int] = []
    deadline = time.monotonic() + SCALING_SECONDS
    while True:
        shown = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
        count = sum(each["CurrentInstanceCount"] for each in shown["ProductionVariants"])
        if seen[-1:] != [count]:
            seen.append(count)
        if enough(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.5)


def _results(context: SceneContext, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What became of these requests, once none is pending or the patience is over; in their order."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        listed = json.loads(context.sluice("results", "list", context.model, "--limit", "5000", "--output", "json"))
        known = {each["id"]: each for each in listed["inferences"]}
        found = [known.get(each, {"id": each, "status": "unknown", "version": None}) for each in ids]
        if all(each["status"] in ("ready", "parked") for each in found) or time.monotonic() > deadline:
            return found
        time.sleep(1)


SCENE = Scene(name="asynchronous", about="requests through a queue; results, retries, scaling, versions", play=play)
