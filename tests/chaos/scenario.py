"""What a run begins with and what comes in its way, as data: a seed draws it, and shrinking leaves parts of it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import SPEC


@dataclass(frozen=True, slots=True)
class Call:
    """The moment before the ``nth`` call to AWS that a function makes in the whole run, of one operation or of any."""

    function: str
    nth: int
    operation: str = ""

    @property
    def key(self) -> tuple[str, int]:
        return (f"{self.function}:{self.operation}" if self.operation else self.function), self.nth

    def __str__(self) -> str:
        return f"{self.operation or 'call'} {self.nth} of {self.function}"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens: ``at`` so many seconds after the beginning, at a call, or at the nth event of a kind.

    ``of`` is what it happens to: a service, or a kind of event. ``version`` is that of the model. ``seconds``: how long
    it lasts, or how late it is.
    """

    at: float | Call
    what: str
    of: str = ""
    version: int = 0
    seconds: float = 0

    @property
    def kind(self) -> str:
        return f"{self.what} {self.of}".strip()

    def __str__(self) -> str:
        when = f"{self.at:g} s" if isinstance(self.at, int | float) else str(self.at)
        version = f" v{self.version}" if self.version else ""
        lasting = f" ({self.seconds:g} s)" if self.seconds else ""
        return f"{when}: {self.kind}{version}{lasting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``pace``: how slowly SageMaker changes endpoints. ``bad``: versions that fail requests, ``broken``: that never
    start."""

    family: str = "rollouts"  # what is sent besides: uploads, async inferences, batch runs, outcomes
    strategy: str = "canary"
    endpoint: str = "real-time"
    policy: str = "supersede"
    scaled: bool = False
    gate: bool = False
    watch: int = 0
    on_doubt: str = "roll_back"
    pace: float = 1.0
    bad: frozenset[int] = frozenset()
    broken: frozenset[int] = frozenset()
    incidents: tuple[Incident, ...] = ()

    @property
    def name(self) -> str:
        besides = "" if self.family == "rollouts" else f", {self.family}"
        return f"{self.strategy}, {self.endpoint}{besides}"

    def __str__(self) -> str:
        settings = [self.name, self.policy]
        settings += [name for name in ("scaled", "gate") if getattr(self, name)]
        settings += [f"watch {self.watch} s"] if self.watch else []
        settings += [f"pace {self.pace:g}"] if self.pace != 1 else []
        settings += [f"on_doubt {self.on_doubt}"] if self.on_doubt != "roll_back" else []
        settings += [f"v{each} is bad" for each in sorted(self.bad)]
        settings += [f"v{each} never starts" for each in sorted(self.broken)]
        lines = (f"  {number}. {each}" for number, each in enumerate(self.incidents, 1))
        return "\n".join((", ".join(settings), *lines))

    def spec(self) -> ModelSpec:
        """The spec of the model, made once of each kind: a spec is never changed."""
        key = (
            self.family,
            self.strategy,
            self.endpoint,
            self.policy,
            self.scaled,
            self.gate,
            self.watch,
            self.on_doubt,
        )
        if key not in _SPECS:
            _SPECS[key] = self._new_spec()
        return _SPECS[key]

    def _new_spec(self) -> ModelSpec:
        raw = SPEC.to_json()
        raw["endpoint"] |= {"type": self.endpoint}
        if self.endpoint == "serverless":
            raw["endpoint"] = {"type": self.endpoint}
        if self.endpoint == "batch":
            raw["endpoint"] = {"type": self.endpoint, "batch": {"sample_rows": 10}}
        if self.family == "async":
            raw["endpoint"]["async"] = {"retry_delay": "1s"}
        if self.family == "uploads":
            raw["data"] |= {"mode": "accumulate" if self.policy == "queue" else "latest", "settle_seconds": 30}
        if self.scaled:
            raw["endpoint"]["scaling"] = {"min": 2, "max": 8}
        raw["rollout"] |= {
            "strategy": self.strategy,
            "on_new_version": self.policy,
            "on_doubt": self.on_doubt,
            "watch": f"{self.watch}s",
            "shadow": {"duration": "5m", "min_requests": 50, "min_agreement_percent": 80},
            "ab_test": {"min_duration": "10m", "max_duration": "30m", "on_tie": "promote"},
            "step": {"weight": 25, "bake": "3m"},
            **({"gate": "human"} if self.gate else {}),
        }
        if self.family == "outcomes":
            raw["rollout"]["ab_test"] |= {"metric": "conversion", "better": "higher"}
        return ModelSpec.parse(raw)


_SPECS: dict[tuple[Any, ...], ModelSpec] = {}
