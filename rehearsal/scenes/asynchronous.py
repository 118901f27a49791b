"""Async: requests through a queue. Each ends with a result or is parked, capacity scales meanwhile."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rehearsal.material.flaws import slow
from rehearsal.scenarios.asynchronous_requests import ENDPOINT, instances_until, put_input, results_of, rows
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

MB = 2**20
LARGE_MB, OVERSIZED_MB = 8, 25  # more than real-time takes; more than the local AWS takes in a hurry
GOOD, FAILING, OVERSIZED = 34, 4, 2


def play(context: SceneContext) -> None:
    context.apply(endpoint=ENDPOINT, rollout={"strategy": "all_at_once"})
    context.outcome_of(context.release(slow(1.0)))
    _send_forty(context)


def _send_forty(context: SceneContext) -> None:
    """Sent to no instance at all: the queue wakes the first one, more follow, and all go again."""
    context.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=context.endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredInstanceCount": 0}],
    )
    instances_until(context, lambda seen: seen[-1] == 0)
    files = _inputs(context)
    with ThreadPoolExecutor(1) as watching:  # from before the first request: they are many, and instances quick
        watched = watching.submit(instances_until, context, lambda seen: seen[-1] == 0 and max(seen) > 1)
        with context.step(f"sluice invoke-async {context.model}, {len(files)} files"):
            sent = context.sluice("invoke-async", context.model, *files, "--no-wait", "--output", "json")
        ids = [each["id"] for each in json.loads(sent)["inferences"]]
        with context.step("the queue wakes instances, which go when it is empty") as step:
            counts = watched.result()
            step.note = " → ".join(map(str, counts))
    context.check("instances", "0 → n → 0", step.note, right=counts[0] == counts[-1] == 0 and max(counts) > 1)
    results = results_of(context, ids)
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
    put_input(context, parked["input"].partition("/input/")[2], rows(context, 2))
    with context.step(f"sluice results replay {parked['id']}"):
        context.sluice("results", "replay", parked["id"])
    (again,) = results_of(context, [parked["id"]])
    context.check(
        "parked one sent again", "ready", f"{again['status']} {again['output']}", right=again["status"] == "ready"
    )


def _inputs(context: SceneContext) -> list[str]:
    """40 files: small and large ones, then those that the model fails on, then those that are too large."""
    folder = context.around.folder / context.model
    folder.mkdir(exist_ok=True)
    large = rows(context, 500)
    large *= LARGE_MB * MB // len(large) + 1
    texts = [rows(context, 1 + 20 * number) for number in range(GOOD - 2)] + [large] * 2
    texts += ["no row of this model\n"] * FAILING + ["1" * (OVERSIZED_MB * MB)] * OVERSIZED
    return [_write(folder / f"{number:02}.csv", text) for number, text in enumerate(texts)]


def _write(file: Path, text: str) -> str:
    file.write_text(text)
    return str(file)


SCENE = Scene(name="asynchronous", about="requests through a queue; results, retries, scaling", play=play)
