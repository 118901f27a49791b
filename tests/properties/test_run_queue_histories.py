"""The run queue under random uploads, repetitions, disorder, crashes, overlaps and ends of runs.

Each file version ends in exactly one place: with the run that took it, superseded by a newer version of its key, or in
quarantine. That no two runs of a model overlap is watched by the fake pipelines at each start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sluice.errors import RetryableError
from sluice.events import PipelineStatusChanged
from sluice.pipeline_runs.status_change import mark_run_ended
from sluice.spec.model import ModelSpec
from sluice.sweep.sweep import sweep
from sluice.training.manifest import File, Manifest
from sluice.training.pending_inputs import InputStatus
from sluice.training.quarantine import quarantine_key

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.aws_state import FakeExecution
from tests.fakes.sluice_world import GROUP, SPEC, sluice_world
from tests.fakes.versioned_bucket import VersionedBucket

GOOD, BAD = b"age,risk\n30,1\n", b"x,y\n1,2\n"
RAW = SPEC.to_json()


class Crash(BaseException):
    """The function's process dies."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong at which of the next calls: nothing, a failure, a crash, or other invocations in between."""

    kind: str
    at: int
    after_effect: bool


TROUBLE = st.builds(
    Trouble,
    kind=st.sampled_from(["none", "failure", "crash", "meanwhile"]),
    at=st.integers(1, 30),
    after_effect=st.booleans(),
)


class RunQueue(RuleBasedStateMachine):
    """What may happen to one model, in any order."""

    @initialize(mode=st.sampled_from(["latest", "accumulate"]))
    def begin(self, mode: str) -> None:
        self.world = sluice_world()
        data = {**RAW["data"], "mode": mode, "settle_seconds": 30}
        self.world.specs.specs["fraud"] = ModelSpec.parse({**RAW, "data": data})
        self.bucket = VersionedBucket(self.world.faults)
        parts = {"bucket": self.bucket, "quarantine": self.bucket}
        self.ports = replace(self.world.ports, **cast(Any, parts))
        self.mode = mode
        self.messages: list[dict[str, Any]] = []
        self.delivered: set[int] = set()
        self.ends: list[dict[str, Any]] = []
        self.good: list[File] = []
        self.bad: list[File] = []
        self.requests = 0

    # What people do

    @rule(key=st.sampled_from("abc"), is_good=st.integers(0, 4))
    def upload(self, key: str, is_good: int) -> None:
        number = len(self.good) + len(self.bad) + 1
        path, version = f"data/fraud/{key}.csv", f"v{number}"
        self.bucket.objects.setdefault(path, []).append((version, GOOD if is_good else BAD))
        about = {"key": path, "size": 14, "etag": f"e{number}", "version-id": version, "sequencer": f"{number:04X}"}
        self.messages.append({"detail": {"bucket": {"name": self.bucket.name}, "object": about}})
        uploaded = File(bucket=self.bucket.name, key=path, version_id=version, etag=f"e{number}", size=14)
        (self.good if is_good else self.bad).append(uploaded)

    @rule(eta=st.sampled_from(["", "1", "2"]), is_again=st.booleans())
    def request(self, eta: str, is_again: bool) -> None:
        self.requests += 1
        detail = {"model": "fraud", "request": f"r{self.requests}", "parameters": {"Eta": eta} if eta else {}}
        self.messages.append({"detail-type": "TrainRequested", "detail": {**detail, "again": is_again}})

    # What AWS does

    @precondition(lambda self: self.messages)
    @rule(chosen=st.lists(st.integers(0, 99), min_size=1, max_size=4), trouble=TROUBLE)
    def deliver(self, chosen: list[int], trouble: Trouble) -> None:
        numbers = [number % len(self.messages) for number in chosen]
        self.delivered.update(numbers)
        self.invoke([self.messages[number] for number in numbers], numbers, trouble)

    @precondition(lambda self: self.world.wakeups.booked)
    @rule(number=st.integers(0, 99), is_repeated=st.booleans(), trouble=TROUBLE)
    def wake(self, number: int, is_repeated: bool, trouble: Trouble) -> None:
        booked = self.world.wakeups.booked
        model, delay = booked[number % len(booked)] if is_repeated else booked.pop(number % len(booked))
        self.world.clock.pass_seconds(delay)
        if not self.invoke([{"detail-type": "WakeUp", "detail": {"model": model}}], [], trouble):
            booked.append((model, 1))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.world.clock.pass_seconds(seconds)

    @rule(status=st.sampled_from(["Succeeded", "Failed", "Stopped"]))
    def end_run(self, status: str) -> None:
        for execution in self.world.pipelines.running(GROUP):
            execution.status = status
            self.ends.append(execution.event())

    @precondition(lambda self: self.ends)
    @rule(number=st.integers(0, 99), is_repeated=st.booleans())
    def tell_end(self, number: int, is_repeated: bool) -> None:
        event = self.ends[number % len(self.ends)] if is_repeated else self.ends.pop(number % len(self.ends))
        mark_run_ended(PipelineStatusChanged.parse(event), self.ports)

    @rule()
    def lose_events_and_sweep(self) -> None:
        self.ends.clear()
        before = len(self.world.events.published)
        sweep(self.ports)
        for kind, detail in self.world.events.published[before:]:
            assert kind == "SageMaker Model Building Pipeline Execution Status Change"
            mark_run_ended(PipelineStatusChanged.parse({"detail": detail}), self.ports)

    @rule()
    def run_out_of_capacity(self) -> None:
        self.world.pipelines.refusing = not self.world.pipelines.refusing

    def invoke(self, bodies: list[dict[str, Any]], numbers: list[int], trouble: Trouble) -> bool:
        """Whether the messages have been dealt with; what has not is delivered again some time."""
        faults = self.world.faults
        faults.at = 0 if trouble.kind == "none" else faults.seen + trouble.at
        faults.after_effect = trouble.after_effect
        faults.error = Crash if trouble.kind == "crash" else RetryableError
        faults.meanwhile = self.rush if trouble.kind == "meanwhile" else None
        records = [{"messageId": f"m{at}", "body": json.dumps(body)} for at, body in enumerate(bodies)]
        try:
            failed = start_pipeline({"Records": records}, self.ports)["batchItemFailures"]
        except Crash:
            failed = [{"itemIdentifier": record["messageId"]} for record in records]
        finally:
            faults.at, faults.meanwhile = 0, None
        back = {int(each["itemIdentifier"].removeprefix("m")) for each in failed}
        self.delivered -= {numbers[at] for at in back if numbers}
        return not back

    def rush(self) -> None:
        """All that other invocations can do while one stands still: everything, up to the end of two runs."""
        for _ in range(2):
            self.settle()
            self.end_run("Succeeded")
        self.settle()

    def settle(self) -> None:
        calm = Trouble("none", 0, False)
        left = [number for number in range(len(self.messages)) if number not in self.delivered]
        self.delivered.update(left)
        if left:
            self.invoke([self.messages[number] for number in left], left, calm)
        for _ in range(3):
            self.lose_events_and_sweep()
            self.world.clock.pass_seconds(60)
            self.world.wakeups.booked, booked = [], self.world.wakeups.booked
            for model, _ in booked[:3]:
                self.invoke([{"detail-type": "WakeUp", "detail": {"model": model}}], [], calm)

    # What must hold in the end

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.pipelines.refusing = False
        for _ in range(4 + 2 * len(self.messages)):
            self.settle()
            self.end_run("Succeeded")
        pending = self.ports.pending_inputs.get("fraud")
        assert (pending.files, pending.requests) == ((), ())
        assert self.world.pipelines.running(GROUP) == []
        runs = {each.run: self.manifest(each) for each in self.world.pipelines.started.values()}
        versions = {run: {each.version_id for each in manifest.files} for run, manifest in runs.items()}
        for file in self.good:
            self.check_good(file, versions)
        for file in self.bad:
            assert self.status(file).state == "rejected"
            assert f"{quarantine_key(file.key)}/{file.version_id}" in self.bucket.objects
            assert not any(file.version_id in held for held in versions.values())

    def check_good(self, file: File, versions: Mapping[str, set[str]]) -> None:
        status = self.status(file)
        holding = [run for run, held in versions.items() if file.version_id in held]
        if status.state == "superseded":
            assert holding == []
            assert int(status.successor[1:]) > int(file.version_id[1:])
            return
        assert status.state == "run"
        assert status.run in holding
        if self.mode == "latest" and not self.requests:
            assert holding == [status.run]

    def status(self, file: File) -> InputStatus:
        status = self.ports.pending_inputs.file_status(file)
        assert status is not None
        return status

    def manifest(self, execution: FakeExecution) -> Manifest:
        text = self.bucket.read(execution.parameters["InputData"].replace(".manifest", ".json"))
        assert text is not None
        return Manifest.parse(text)


RunQueue.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestRunQueue = RunQueue.TestCase
