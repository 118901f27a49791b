"""A model's turn: the one run it may have at a time, from the decision to the run's end. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

Phase = Literal["claimed", "started", "taken", "free"]
"""claimed: decided, perhaps not started · started · taken: what waited for it is marked · free: it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A decided run. Everything in it is fixed by the claim but the phase, the execution and the end."""

    model: str
    number: int  # of the model's turns, from 1
    run: str  # its name, also the execution's display name
    token: str  # the ClientRequestToken
    digest: str  # of its manifest
    parameters: Mapping[str, str]
    requests: tuple[str, ...]  # ids of the requests it answers
    claimed_at: str  # ISO 8601
    phase: Phase = "claimed"
    execution: str = ""  # ARN, once known
    ended: str = ""  # the execution's last status, once known
    retry_at: str = ""  # ISO 8601: when a start that was refused is tried again
    newest: str = ""  # digest of the newest manifest a run has taken: this turn's from phase "taken" on

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
            ended=item["ended"],
            retry_at=item.get("retry_at", ""),
            newest=item["newest"],
        )

    def item(self) -> dict[str, str]:
        """What ``parse`` reads back."""
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
            "ended": self.ended,
            "retry_at": self.retry_at,
            "newest": self.newest,
        }


def run_token(digest: str, parameters: Mapping[str, str], nonces: Sequence[str] = ()) -> str:
    """The same for the same work: the manifest's hash, with what else tells this run from another on the same data."""
    if not parameters and not nonces:
        return digest
    identity = [digest, sorted(parameters.items()), sorted(nonces)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def run_name(token: str) -> str:
    """A run's name, at most 82 letters, digits and hyphens as SageMaker asks of display names."""
    return f"data-{token[:24]}"
