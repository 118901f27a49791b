"""Async: requests through a queue. Each ends as a result or parked, capacity follows, versions change underneath."""

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
from rehearsal.scenarios.stage import Stage

MB = 2**20
LARGE_MB, OVERSIZED_MB = 8, 25  # more than real-time takes; more than the local AWS takes in a hurry
GOOD, FAILING, OVERSIZED = 34, 4, 2
RATE = 3.0
WAIT_SECONDS = 150.0
ENDPOINT = {
    "type": "async",
    "instance_count": 1,
    "async": {"max_concurrent_invocations_per_instance": 2, "max_attempts": 3, "retry_delay": "1s"},
    "scaling": {"min": 0, "max": 3, "target": 4, "scale_in_cooldown": "0s", "scale_out_cooldown": "0s"},
}
ROLLOUT = {
    "blue_green": {"wait": "0s", "termination_wait": "30s", "timeout": "10m"},
    "alarms": {"evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5},
}


def play(stage: Stage) -> None:
    stage.apply(endpoint=ENDPOINT, rollout=ROLLOUT)
    first = stage.release(slow(1.0))
    stage.outcome_of(first)
    _send_forty(stage)
    _change_versions(stage, first)


def _send_forty(stage: Stage) -> None:
    """Sent to no instance at all: the queue wakes the first one, more follow, and all go again."""
    stage.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=stage.endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredInstanceCount": 0}],
    )
    _instances_until(stage, lambda seen: seen[-1] == 0)
    files = _inputs(stage)
    with ThreadPoolExecutor(1) as watching:  # from before the first request: they are many, and instances quick
        watched = watching.submit(_instances_until, stage, lambda seen: seen[-1] == 0 and max(seen) > 1)
        with stage.step(f"sluice invoke-async {stage.model}, {len(files)} files"):
            sent = stage.sluice("invoke-async", stage.model, *files, "--no-wait", "--output", "json")
        ids = [each["id"] for each in json.loads(sent)["inferences"]]
        with stage.step("the queue wakes instances, which go when it is empty") as step:
            counts = watched.result()
            step.note = " → ".join(map(str, counts))
    stage.check("instances", "0 → n → 0", step.note, right=counts[0] == counts[-1] == 0 and max(counts) > 1)
    results = _results(stage, ids)
    statuses = [each["status"] for each in results]
    stage.check(
        "40 inputs",
        f"{GOOD} results; {FAILING} that the model fails on and {OVERSIZED} oversized ones parked",
        f"{statuses.count('ready')} results, {statuses.count('parked')} parked, of {len(set(ids))}",
        right=statuses == ["ready"] * GOOD + ["parked"] * (FAILING + OVERSIZED),
    )
    tries = [each["attempts"] for each in results[GOOD:]]
    stage.check(
        "attempts",
        "3 where another may help, 1 where the input is at fault",
        f"{tries}: {results[GOOD]['reason'][:60]}… and {results[-1]['reason'][:60]}…",
        right=tries == [3] * FAILING + [1] * OVERSIZED,
    )
    _replay(stage, results[GOOD])


def _replay(stage: Stage, parked: dict[str, Any]) -> None:
    """What was wrong with an input is put right, and a person sends it again."""
    _put(stage, parked["input"].partition("/input/")[2], _rows(stage, 2))
    with stage.step(f"sluice results replay {parked['id']}"):
        stage.sluice("results", "replay", parked["id"])
    (again,) = _results(stage, [parked["id"]])
    stage.check(
        "parked one sent again", "ready", f"{again['status']} {again['output']}", right=again["status"] == "ready"
    )


def _change_versions(stage: Stage, first: int) -> None:
    """With requests all the time: a sound version takes over, one that fails is taken back, none is lost."""
    location = _put(stage, "steady.csv", _rows(stage, 5))
    client = stage.client("sagemaker-runtime")
    with Submitting(client, stage.endpoint, location, rate=RATE, prefix=stage.model) as requests:
        _instances_until(stage, lambda seen: seen[-1] > 0)
        good = stage.release()
        ended = stage.outcome_of(good)
        _check_ending(stage, "sound version, blue/green", "RolloutPromoted", ended.kind, good)
        bad = stage.release(failing(1.0))
        ended = stage.outcome_of(bad)
        _check_ending(stage, "failing version, blue/green", "RolloutRolledBack", ended.kind, good)
        stage.apply(endpoint=ENDPOINT, rollout={"strategy": "all_at_once"})
        last = stage.release(Flaw(name="another", code="\n# nothing is wrong with it\n"))
        ended = stage.outcome_of(last)
        _check_ending(stage, "sound version, all at once", "RolloutPromoted", ended.kind, last)
    parked = [each["id"] for each in _results(stage, requests.ids) if each["status"] == "parked"]
    if parked:  # the failing version served for longer than their attempts lasted
        stage.sluice("results", "replay", *parked)
    results = _results(stage, requests.ids)
    versions = sorted({each["version"] for each in results if each["version"]})
    stage.check(
        "requests meanwhile",
        f"none refused, each has a result in the end, of versions {first} to {last}",
        f"{len(requests.refused)} refused, {len(parked)} replayed, "
        f"{sum(each['status'] == 'ready' for each in results)} of {len(requests.ids)} ready, versions {versions}",
        right=not requests.refused
        and all(each["status"] == "ready" for each in results)
        and {good, last} <= set(versions),
    )


def _check_ending(stage: Stage, what: str, wanted: str, kind: str, version: int) -> None:
    found = stage.client("sagemaker").describe_endpoint(EndpointName=stage.endpoint)
    config = found["EndpointConfigName"]
    stage.check(
        what,
        f"{wanted}, version {version} serves",
        f"{kind}, endpoint uses {config}",
        right=kind == wanted and config.startswith(f"{stage.endpoint}-{version}-"),
    )


def _inputs(stage: Stage) -> list[str]:
    """40 files: small and large ones, then those that the model fails on, then those that are too large."""
    folder = stage.around.folder / stage.model
    folder.mkdir(exist_ok=True)
    large = _rows(stage, 500)
    large *= LARGE_MB * MB // len(large) + 1
    texts = [_rows(stage, 1 + 20 * number) for number in range(GOOD - 2)] + [large] * 2
    texts += ["no row of this model\n"] * FAILING + ["1" * (OVERSIZED_MB * MB)] * OVERSIZED
    return [_write(folder / f"{number:02}.csv", text) for number, text in enumerate(texts)]


def _write(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


def _rows(stage: Stage, count: int) -> str:
    return "".join(f"{row}\n" for row in islice(stage.rows(), count))


def _put(stage: Stage, name: str, text: str) -> str:
    bucket, key = stage.around.bucket(), f"async/{stage.model}/input/{name}"
    stage.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return f"s3://{bucket}/{key}"


def _instances_until(stage: Stage, enough: Callable[[list[int]], bool]) -> list[int]:
    """The numbers of instances that the endpoint has had, until they are as wanted."""
    seen: list[int] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        shown = stage.client("sagemaker").describe_endpoint(EndpointName=stage.endpoint)
        count = sum(each["CurrentInstanceCount"] for each in shown["ProductionVariants"])
        if seen[-1:] != [count]:
            seen.append(count)
        if enough(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.5)


def _results(stage: Stage, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What became of these requests, once none is pending or the patience is over; in their order."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        told = json.loads(stage.sluice("results", "list", stage.model, "--limit", "5000", "--output", "json"))
        known = {each["id"]: each for each in told["inferences"]}
        found = [known.get(each, {"id": each, "status": "unknown", "version": None}) for each in ids]
        if all(each["status"] in ("ready", "parked") for each in found) or time.monotonic() > deadline:
            return found
        time.sleep(1)


SCENE = Scene(name="asynchronous", about="requests through a queue; results, retries, scaling, versions", play=play)
