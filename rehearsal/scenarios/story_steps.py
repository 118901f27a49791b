"""The story in four acts, played on a deployed Sluice with AWS's own APIs and the ``sluice`` command."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rehearsal.drivers.traffic import Traffic
from rehearsal.drivers.training import Run, Training, Upload
from rehearsal.material.data import Uploads
from rehearsal.material.paced_spec import STAGE_WEIGHTS, PacedSpec
from rehearsal.reporting.healing import Healing, healing_of
from rehearsal.reporting.measured import Measured
from rehearsal.scenarios.canary import play_canary
from rehearsal.scenarios.scenario_context import ScenarioContext

TOLD_SECONDS = 60
"""How long the event of a run's end may take."""


@dataclass(slots=True, kw_only=True)
class StoryContext(ScenarioContext):
    """What the story adds to a scenario: real training on uploads, and one client that sends requests to its end."""

    training: Training
    spec: PacedSpec
    strict_spec: PacedSpec  # the same with out_of_range: reject
    uploads: Uploads

    @property
    def traffic(self) -> Traffic:
        """The story's only client."""
        (traffic,) = self.traffics
        return traffic


@dataclass(slots=True)
class TrainedVersions:
    """The versions of the canary scenario, trained from uploads; the next upload is made while a version bakes."""

    context: StoryContext
    newer: Upload
    narrow: Upload | None = None
    mislabelled: Upload | None = None

    def release_good(self) -> int:
        self.context.progress.begin("2 · A better model: canary, then promotion")
        return _approve(self.context, self.context.training.run_of(self.newer), 2)

    def release_bad(self) -> int:
        self.context.progress.begin(f"3 · A bad model: passes the gate, fails live ({self.context.uploads.narrowed})")
        assert self.narrow is not None
        return _approve(self.context, self.context.training.run_of(self.narrow), 3)

    def on_weight(self, version: int, weight: int) -> None:
        """During the first bake of each version: a stricter spec and a narrow extract, then mislabelled data."""
        if weight != STAGE_WEIGHTS[0]:
            return
        if version == 2:
            self._upload_narrow()
        else:
            self.mislabelled = self.context.training.upload("april.csv", self.context.uploads.mislabelled)

    def _upload_narrow(self) -> None:
        strict = self.context.strict_spec.path
        with self.context.step(f"meanwhile: sluice apply {strict.name}, and the next data is uploaded") as step:
            self.context.sluice("apply", str(strict))
            step.note = "from here on a model refuses numbers outside the range it has seen in training"
        self.narrow = self.context.training.upload("march.csv", self.context.uploads.narrow)


def play(context: StoryContext) -> Healing | None:
    """All four acts; how the bad version was healed, if it was."""
    train_first_model(context)
    newer = context.training.upload("february.csv", context.uploads.newer)  # more data comes before the model is live
    go_live(context)
    versions = TrainedVersions(context, newer)
    play_canary(context, versions, STAGE_WEIGHTS)
    healing = _healing(context)
    assert versions.mislabelled is not None
    missed_gate(context, versions.mislabelled)
    return healing


def train_first_model(context: StoryContext) -> None:
    """The first act up to the approval of version 1."""
    context.progress.begin("1 · The first model")
    with context.step(f"sluice apply {context.spec.path.name}") as step:
        context.sluice("apply", str(context.spec.path))
        step.note = "; ".join(context.spec.changes)
    run = context.training.run_of(context.training.upload("january.csv", context.uploads.first))
    _approve(context, run, 1)


def go_live(context: StoryContext) -> None:
    """The first version gets the endpoint, and the endpoint a client."""
    ended = context.outcome_of(1)
    context.traffic.start()
    with context.step("a client starts to send requests and never stops") as step:
        _until(lambda: context.sent >= 20, "twenty answered requests")
        step.note = f"{context.sent} requests, {context.failed} failed"
    right = ended.kind == "RolloutPromoted" and list(context.shares()) == ["v1"]
    context.check("first version", "endpoint serves v1", f"endpoint serves {context.shares()}", right=right)


def missed_gate(context: StoryContext, mislabelled: Upload) -> None:
    """The last act: a model that is worse offline is never registered."""
    context.progress.begin("4 · Bad data: misses the gate")
    run = context.training.run_of(mislabelled)
    last = run.steps[-1][0] if run.steps else ""
    told = context.timeline.wait_for(
        "people to be told of the missed gate",
        lambda event: event.kind == "PipelineFailed" and event.detail["execution"] == run.arn,
        timeout_seconds=TOLD_SECONDS,
    )
    context.check(
        "mislabelled data",
        "ends in FailPipeline, nothing registered",
        f"{run.status} in {last}, version {run.version}; {told.detail['reason'][:1000]}",
        right=run.status == "Failed" and last == "FailPipeline" and run.version is None,
    )


def count_failures(context: StoryContext, measured: Sequence[Measured]) -> None:
    """Which version the failed requests met, by CloudWatch, beside what the client counted."""
    failed = context.failed
    by_variant = {each.variant: each.failures(since=0.0) for each in measured}
    context.check(
        "failed requests in all",
        "every one of them met v3, and the client counts as many",
        f"client: {failed} of {context.sent}; CloudWatch: {by_variant}",
        right=0 < failed == by_variant.get("v3") == sum(by_variant.values()),
    )


def _healing(context: StoryContext) -> Healing | None:
    calls = [
        datetime.fromisoformat(each["eventTime"]).timestamp()
        for each in context.around.calls()
        if "AbortRolloutFunction" in each["userIdentity"]["userName"]
    ]
    return healing_of(context.timeline.events(), context.endpoint, calls)


def _approve(context: StoryContext, run: Run, version: int) -> int:
    name = f"{context.model}/{version}"
    with context.step(f"sluice approve {name}") as step:
        if run.version != version:
            raise RuntimeError(f"the pipeline registered {run.version}, not {version}: {run.status} {run.failure}")
        context.sluice("approve", name, "--reason", "looks good offline")
        step.note = "approved by a person, as always"
    return version


def _until(reached: Callable[[], bool], what: str, timeout_seconds: float = 30) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds:.0f} s for {what}")
        time.sleep(0.1)
