"""The run slot: the lease that one pipeline run holds on its model, from the decision to the run's end. Pure.

A model has one slot, so its runs never overlap. The slot's item is changed by conditional writes only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

SlotPhase = Literal["claimed", "started", "taken", "free"]
"""claimed: the run is decided, but may not have been started · started: its execution is known · taken: its pending
inputs are marked as its own · free: it has ended, and the next run may claim the slot."""


RECENT = 5
"""How many executions a slot remembers: the sweep looks whether each of them has been recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSlot:
    """One claim of the slot, by one run. The claim fixes everything but the phase, the execution and the end."""

    model: str
    number: int  # of the model's claims, from 1: tells a claim from one that came and went unseen
    run: str  # the run's name, which is also its execution's display name
    token: str  # the run's idempotency token, sent as ClientRequestToken
    digest: str  # of the run's manifest
    parameters: Mapping[str, str]
    requests: tuple[str, ...]  # ids of the requests that the run answers
    claimed_at: str  # ISO 8601
    phase: SlotPhase = "claimed"
    execution: str = ""  # ARN, once known
    end_status: str = ""  # the execution's last status, once it has ended
    retry_at: str = ""  # ISO 8601: when a start that AWS refused is tried again
    refusals: int = 0  # how often AWS refused the start for lack of capacity
    recent: tuple[str, ...] = ()  # ARNs of the executions of the last claims before, the latest last
    newest: str = ""  # digest of the newest manifest that a run has taken: this run's own from phase "taken" on

    @classmethod
    def parse(cls, model: str, item: Mapping[str, Any]) -> Self:
        return cls(
            model=model,
            number=int(item["turn_number"]),
            run=item["run"],
            token=item["run_token"],
            digest=item["digest"],
            parameters=json.loads(item["run_parameters"]),
            requests=tuple(json.loads(item["requests"])),
            claimed_at=item["claimed_at"],
            phase=item["phase"],
            execution=item["execution"],
            end_status=item["ended"],
            retry_at=item.get("retry_at", ""),
            refusals=int(item.get("refusals", "0")),
            recent=tuple(json.loads(item.get("recent", "[]"))),
            newest=item["newest"],
        )

    def item(self) -> dict[str, str]:
        """The item as ``parse`` reads it back."""
        return {
            "turn_number": str(self.number),
            "run": self.run,
            "run_token": self.token,
            "digest": self.digest,
            "run_parameters": json.dumps(dict(self.parameters), sort_keys=True),
            "requests": json.dumps(self.requests),
            "claimed_at": self.claimed_at,
            "phase": self.phase,
            "execution": self.execution,
            "ended": self.end_status,
            "retry_at": self.retry_at,
            "refusals": str(self.refusals),
            "recent": json.dumps(self.recent),
            "newest": self.newest,
        }

    @property
    def executions(self) -> tuple[str, ...]:
        """ARNs of the last executions of the model that Sluice has started, this claim's own last."""
        return (*self.recent, self.execution)[-RECENT:] if self.execution else self.recent

    @property
    def is_running(self) -> bool:
        """Whether the run goes on, with nothing to do before it ends."""
        return self.phase == "taken" and not self.end_status
