"""The story in four acts, played on a deployed Sluice with AWS's own APIs and the ``sluice`` command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from rehearsal.drivers.progress import Progress
from rehearsal.drivers.surroundings import STAGE, Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.drivers.traffic import Traffic, count
from rehearsal.drivers.training import Run, Training, Upload
from rehearsal.material.data import Uploads
from rehearsal.material.paced_spec import PacedSpec
from rehearsal.reporting.healing import Healing, healing_of
from rehearsal.reporting.measured import Measured

ROLLOUT_SECONDS = 240
SETTLED_SECONDS = 3


@dataclass(slots=True, kw_only=True)
class Cast:
    """Who plays: the deployed Sluice, its data, its client, and those who watch."""

    around: Surroundings
    timeline: Timeline
    progress: Progress
    training: Training
    traffic: Traffic
    spec: PacedSpec
    strict_spec: PacedSpec  # the same with out_of_range: reject
    uploads: Uploads

    @property
    def endpoint(self) -> str:
        return f"sluice-{STAGE}-{self.spec.name}"

    def package(self, version: int) -> dict[str, Any]:
        return self.around.package(self.endpoint, version)

    def shares(self) -> dict[str, float]:
        return self.around.shares(self.endpoint)


def play(cast: Cast) -> Healing | None:
    """All four acts; how the bad version was healed, if it was."""
    train_first_model(cast)
    newer = cast.training.upload("february.csv", cast.uploads.newer)  # more data comes before the model is live
    go_live(cast)
    narrow = good_canary(cast, newer)
    healing, mislabelled = bad_canary(cast, narrow)
    missed_gate(cast, mislabelled)
    return healing


def train_first_model(cast: Cast) -> None:
    cast.progress.begin("1 · The first model")
    with cast.progress.step(f"sluice apply {cast.spec.path.name}") as step:
        cast.around.sluice("apply", str(cast.spec.path))
        step.note = "; ".join(cast.spec.changes)
    run = cast.training.run_of(cast.training.upload("january.csv", cast.uploads.first))
    _approve(cast, run, 1)


def go_live(cast: Cast) -> None:
    """The first version gets the endpoint, and the endpoint a client."""
    ended = _rollout_end(cast, 1)
    cast.traffic.start()
    with cast.progress.step("a client starts to send requests and never stops") as step:
        _until(lambda: len(cast.traffic.sent()) >= 20, "twenty answered requests")
        step.note = f"{len(cast.traffic.sent())} requests, {_failures(cast)} failed"
    right = ended.kind == "RolloutPromoted" and list(cast.shares()) == ["v1"]
    cast.progress.check("first version", "endpoint serves v1", f"endpoint serves {cast.shares()}", right=right)


def good_canary(cast: Cast, newer: Upload) -> Upload:
    """Version 2 is promoted; meanwhile the narrow extract is already trained. Returns its upload."""
    cast.progress.begin("2 · A better model: canary, then promotion")
    run = cast.training.run_of(newer)
    _approve(cast, run, 2)
    _stages(cast, 2, (10,))
    with cast.progress.step(
        f"meanwhile: sluice apply {cast.strict_spec.path.name}, and the next data is uploaded"
    ) as step:
        cast.around.sluice("apply", str(cast.strict_spec.path))
        step.note = "from here on a model refuses numbers outside the range it has seen in training"
    narrow = cast.training.upload("march.csv", cast.uploads.narrow)
    _stages(cast, 2, (50,))
    ended = _rollout_end(cast, 2)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    weights = [each.detail["weight"] for each in _shifts(cast, 2)]
    failed = _failures(cast)
    shares = cast.shares()
    cast.progress.check(
        "good version",
        "10 % → 50 % → 100 %, promoted",
        f"{weights} %, {ended.kind}, endpoint serves {shares}",
        right=ended.kind == "RolloutPromoted" and weights == [10, 50] and list(shares) == ["v2"],
    )
    cast.progress.check(
        "client during the promotion", "0 failed requests", f"{failed} of {len(cast.traffic.sent())}", right=failed == 0
    )
    return narrow


def bad_canary(cast: Cast, narrow: Upload) -> tuple[Healing | None, Upload]:
    """Version 3 is rolled back; meanwhile the mislabelled data is uploaded. Returns its upload too."""
    cast.progress.begin(f"3 · A bad model: passes the gate, fails live ({cast.uploads.narrowed})")
    run = cast.training.run_of(narrow)
    _approve(cast, run, 3)
    _stages(cast, 3, (10,))
    mislabelled = cast.training.upload("april.csv", cast.uploads.mislabelled)
    ended = _rollout_end(cast, 3)
    time.sleep(SETTLED_SECONDS)
    now = time.time()
    late = count(cast.traffic.sent(since=now - SETTLED_SECONDS + 1), lambda each: each.failed)
    package, shares = cast.package(3), cast.shares()
    cast.progress.check(
        "bad version",
        "rolled back to v2 by itself",
        f"{ended.kind}, endpoint serves {shares}",
        right=ended.kind == "RolloutRolledBack" and list(shares) == ["v2"],
    )
    cast.progress.check(
        "registry",
        "v3 Rejected with the reason",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected" and bool(package.get("ApprovalDescription")),
    )
    cast.progress.check("client after the rollback", "0 failed requests", f"{late} failed", right=late == 0)
    calls = [
        datetime.fromisoformat(each["eventTime"]).timestamp()
        for each in cast.around.calls()
        if "AbortRolloutFunction" in each["userIdentity"]["userName"]
    ]
    return healing_of(cast.timeline.events(), cast.endpoint, calls), mislabelled


def missed_gate(cast: Cast, mislabelled: Upload) -> None:
    cast.progress.begin("4 · Bad data: misses the gate")
    run = cast.training.run_of(mislabelled)
    last = run.steps[-1][0] if run.steps else ""
    cast.progress.check(
        "mislabelled data",
        "ends in FailPipeline, nothing registered",
        f"{run.status} in {last}, version {run.version}; {run.failure[:400]}",
        right=run.status == "Failed" and last == "FailPipeline" and run.version is None,
    )


def count_failures(cast: Cast, measured: Sequence[Measured]) -> None:
    """Whose failures they were, by CloudWatch, beside what the client counted."""
    failed = _failures(cast)
    by_variant = {each.variant: each.failures(since=0.0) for each in measured}
    cast.progress.check(
        "failed requests in all",
        "every one of them met v3, and the client counts as many",
        f"client: {failed} of {len(cast.traffic.sent())}; CloudWatch: {by_variant}",
        right=0 < failed == by_variant.get("v3") == sum(by_variant.values()),
    )


def _approve(cast: Cast, run: Run, version: int) -> None:
    name = f"{cast.spec.name}/{version}"
    with cast.progress.step(f"sluice approve {name}") as step:
        if run.version != version:
            raise RuntimeError(f"the pipeline registered {run.version}, not {version}: {run.status} {run.failure}")
        cast.around.sluice("approve", name, "--reason", "looks good offline")
        step.note = "approved by a person, as always"


def _rollout_end(cast: Cast, version: int) -> Event:
    with cast.progress.step(f"rollout of version {version}") as step:
        ended = cast.timeline.wait_for(
            f"the rollout of version {version} to end",
            lambda event: (
                event.source == "sluice"
                and event.kind in ("RolloutPromoted", "RolloutRolledBack", "RolloutFailed")
                and event.detail["version"] == version
            ),
            timeout_seconds=ROLLOUT_SECONDS,
        )
        step.note = f"{ended.kind}: {ended.detail.get('reason', ended.detail.get('endpoint', ''))}"[:200]
    return ended


def _stages(cast: Cast, version: int, weights: tuple[int, ...]) -> None:
    for weight in weights:
        with cast.progress.step(f"version {version} gets {weight} % of the traffic"):
            cast.timeline.wait_for(
                f"version {version} at {weight} %",
                partial(_is_shift, version=version, weight=weight),
                timeout_seconds=ROLLOUT_SECONDS,
            )


def _is_shift(event: Event, version: int, weight: int) -> bool:
    return event.kind == "RolloutShifted" and (event.detail["version"], event.detail["weight"]) == (version, weight)


def _shifts(cast: Cast, version: int) -> list[Event]:
    found = [e for e in cast.timeline.events() if e.kind == "RolloutShifted" and e.detail["version"] == version]
    return list({event.detail["stage"]: event for event in found}.values())


def _failures(cast: Cast) -> int:
    return count(cast.traffic.sent(), lambda each: each.failed)


def _until(reached: Any, what: str, timeout_seconds: float = 30) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds:.0f} s for {what}")
        time.sleep(0.1)
