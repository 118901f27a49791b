"""What every scenario can do and see: one model on the deployed Sluice, its clients, and the events about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from rehearsal.drivers.progress import Progress, Step
from rehearsal.drivers.surroundings import STAGE, Surroundings
from rehearsal.drivers.timeline import Event, Timeline
from rehearsal.drivers.traffic import Sent, Traffic, count

ENDINGS = ("RolloutPromoted", "RolloutRolledBack", "RolloutFailed")
ROLLOUT_SECONDS = 240.0


@dataclass(slots=True, kw_only=True)
class ScenarioContext:
    """One model of one scenario. Every wait raises StoryTimeoutError when what should happen does not."""

    model: str
    around: Surroundings
    timeline: Timeline
    progress: Progress
    traffics: list[Traffic] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """The name of the model's endpoint, unless its spec has a suffix; the model package group has the same."""
        return f"sluice-{STAGE}-{self.model}"

    @property
    def sent(self) -> int:
        """How many requests all clients have sent."""
        return len(self.requests())

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return count(self.requests(), lambda each: each.failed)

    def requests(self, since: float = 0.0) -> list[Sent]:
        """The requests of all clients since ``since``, in epoch seconds."""
        return [each for traffic in self.traffics for each in traffic.sent(since=since)]

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
        """Keep one outcome of the scenario."""
        self.progress.check(what, wanted, seen, right=right)

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

    def reach_weight(self, version: int, weight: int) -> None:
        """Wait until the rollout of ``version`` has given it ``weight`` % of the traffic."""
        with self.step(f"version {version} gets {weight} % of the traffic"):
            self.wait_for(
                f"version {version} at {weight} %",
                lambda event: (
                    event.kind == "RolloutShifted"
                    and (event.detail["version"], event.detail["weight"]) == (version, weight)
                ),
            )

    def wait_for(self, what: str, wanted: Callable[[Event], bool], *, seconds: float = ROLLOUT_SECONDS) -> Event:
        """The first event about the model, past or to come, that ``wanted`` accepts."""
        return self.timeline.wait_for(
            f"{what} ({self.model})", lambda event: self._concerns(event) and wanted(event), timeout_seconds=seconds
        )

    def events(self, kind: str | None = None) -> list[Event]:
        """The events about the model so far: Sluice's own, SageMaker's, alarms, executions."""
        return [each for each in self.timeline.events() if self._concerns(each) and kind in (None, each.kind)]

    def weights(self, version: int) -> list[int]:
        """The shares of traffic that ``version`` has had in its rollout, one for each stage."""
        shifts = [each for each in self.events("RolloutShifted") if each.detail["version"] == version]
        return [each.detail["weight"] for each in {each.detail["stage"]: each for each in shifts}.values()]

    def package(self, version: int) -> dict[str, Any]:
        """The version in the registry, as DescribeModelPackage returns it."""
        return self.around.package(self.endpoint, version)

    def shares(self, endpoint: str | None = None) -> dict[str, float]:
        """The current weight of each production variant."""
        return self.around.shares(endpoint or self.endpoint)

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
