"""What a scene plays on: its own model on the shared local AWS, ready versions, a client, and the events about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.drivers.progress import Progress, Step
from rehearsal.drivers.surroundings import STAGE, Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.drivers.traffic import Traffic
from rehearsal.material.data import live_rows
from rehearsal.material.flaws import Flaw
from rehearsal.material.fraud import transactions
from rehearsal.material.paced_spec import write_scene_spec
from rehearsal.scenarios.artifacts import Artifacts

ENDINGS = ("RolloutPromoted", "RolloutRolledBack", "RolloutFailed")
ROLLOUT_SECONDS = 240.0
RATE = 10.0  # requests a second
CLIENT_SEED, CLIENT_ROWS = 11, 200


@dataclass(slots=True, kw_only=True)
class Stage:
    """A scene's own. Every wait raises StoryTimeoutError when what should happen does not."""

    model: str
    around: Surroundings
    artifacts: Artifacts
    timeline: Timeline
    progress: Progress
    traffics: list[Traffic] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """The name of the model's endpoint, unless its spec has a suffix; the model package group has the same."""
        return f"sluice-{STAGE}-{self.model}"

    @property
    def sent(self) -> int:
        return sum(len(each.sent()) for each in self.traffics)

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS, as a developer; it does not retry."""
        return self.around.client(service)

    def sluice(self, *arguments: str) -> str:
        """Run the ``sluice`` command; its output. CommandFailedError when it exits with an error."""
        return self.around.sluice(*arguments)

    def step(self, text: str) -> AbstractContextManager[Step]:
        """A step that lasts as long as the block, for people who watch; set its ``note``."""
        return self.progress.step(text)

    def check(self, what: str, wanted: str, seen: str, *, right: bool) -> None:
        """Keep one outcome of the scene."""
        self.progress.check(what, wanted, seen, right=right)

    def apply(self, **sections: Mapping[str, Any]) -> Path:
        """``sluice apply`` a spec for the scene's model; the file.

        It is the fraud model's at the story's pace, without strategy and stages. Each keyword names a section and
        gives fields to set in it: ``stage.apply(rollout={"strategy": "linear"}, endpoint={"instance_count": 2})``.
        """
        path = write_scene_spec(self.around.repo, self.around.folder / f"{self.model}.yaml", self.model, sections)
        with self.step(f"sluice apply {path.name}"):
            self.sluice("apply", str(path))
        return path

    def register(self, flaw: Flaw | None = None) -> int:
        """A trained version that waits for approval, sound or with a flaw; its number."""
        return self.artifacts.register(self.endpoint, flaw)

    def approve(self, version: int, reason: str = "looks good offline") -> None:
        """As a person does in SageMaker Studio, or with ``sluice approve``."""
        arn = self.package(version)["ModelPackageArn"]
        self.client("sagemaker").update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=reason
        )

    def release(self, flaw: Flaw | None = None) -> int:
        """Register and approve a version; its number."""
        version = self.register(flaw)
        self.approve(version)
        return version

    def go_live(self) -> Traffic:
        """A first sound version is released and promoted; the client that sends requests from then on."""
        version = self.release()
        ended = self.outcome_of(version)
        if ended.kind != "RolloutPromoted":
            raise RuntimeError(f"the first version did not go live: {ended.kind} {ended.detail.get('reason', '')}")
        return self.start_traffic()

    def outcome_of(self, version: int, *, seconds: float = ROLLOUT_SECONDS) -> Event:
        """How the rollout of ``version`` ends: one of ENDINGS."""
        with self.step(f"rollout of version {version}") as step:
            ended = self.wait_for(
                f"the rollout of version {version} to end",
                lambda event: event.kind in ENDINGS and event.detail["version"] == version,
                seconds=seconds,
            )
            step.note = f"{ended.kind}: {ended.detail.get('reason', ended.detail.get('endpoint', ''))}"[:200]
        return ended

    def wait_for(self, what: str, wanted: Callable[[Event], bool], *, seconds: float = ROLLOUT_SECONDS) -> Event:
        """The first event about the model, past or to come, that ``wanted`` accepts."""
        return self.timeline.wait_for(
            f"{what} ({self.model})", lambda event: self._concerns(event) and wanted(event), timeout_seconds=seconds
        )

    def events(self, kind: str | None = None) -> list[Event]:
        """What has been told about the model so far: Sluice's own events, SageMaker's, alarms, executions."""
        return [each for each in self.timeline.events() if self._concerns(each) and kind in (None, each.kind)]

    def weights(self, version: int) -> list[int]:
        """The shares of traffic that ``version`` has had in its rollout, one for each stage."""
        shifts = [each for each in self.events("RolloutShifted") if each.detail["version"] == version]
        return [each.detail["weight"] for each in {each.detail["stage"]: each for each in shifts}.values()]

    def package(self, version: int) -> dict[str, Any]:
        """The version in the registry, as DescribeModelPackage tells it."""
        return self.around.package(self.endpoint, version)

    def shares(self, endpoint: str | None = None) -> dict[str, float]:
        """The current weight of each production variant."""
        return self.around.shares(endpoint or self.endpoint)

    def rows(self) -> Iterator[str]:
        """Feature rows as clients send them, without end."""
        return live_rows(transactions(CLIENT_SEED, CLIENT_ROWS), CLIENT_SEED)

    def start_traffic(self, *, rate: float = RATE, endpoint: str | None = None, workers: int = 4) -> Traffic:
        """A client that sends ``rate`` requests a second until it is stopped, at the latest at the scene's end."""
        runtime = self.client("sagemaker-runtime")
        traffic = Traffic(runtime, endpoint or self.endpoint, self.rows(), rate=rate, workers=workers)
        self.traffics.append(traffic)
        traffic.start()
        return traffic

    def close(self) -> None:
        """Stop its clients."""
        for traffic in self.traffics:
            traffic.stop()

    def _concerns(self, event: Event) -> bool:
        if event.source == "sluice":
            return bool(event.detail.get("model") == self.model)
        return _mentions(event.detail, re.compile(rf"\b{self.endpoint}\b", re.IGNORECASE))


def _mentions(value: Any, name: re.Pattern[str]) -> bool:
    if isinstance(value, Mapping):
        return any(_mentions(each, name) for each in value.values())
    if isinstance(value, list):
        return any(_mentions(each, name) for each in value)
    return isinstance(value, str) and bool(name.search(value))
