"""Takes one step of a rollback each time the state machine calls it: whatever happened, back to the baseline."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.rollout.rollback import restore_baseline
from sluice.rollout.traffic.task_result import TaskResult
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

_NOT_ENDED = frozenset({"States.Timeout", "Sandbox.Timedout"})


def roll_back(
    rollout_id: RolloutId, context: Mapping[str, Any], ports: RolloutPorts, *, execution: str = ""
) -> TaskResult:
    """Take one step towards the baseline; READY when it serves alone, WAIT until then.

    ``context`` is all the execution knows: the error that a task raised (``failure``), or the reason for which the
    last task ended the rollout (``step``). It becomes the reason of the rollback if nothing has fenced the rollout. It
    says nothing against the version: what does fences the rollout itself.
    ``execution`` is the name of the execution that asks: the rollout's own, or one that only restores.
    """
    is_beside = execution not in ("", str(rollout_id))
    return restore_baseline(rollout_id, _failure(context), ports, is_beside=is_beside)


def _failure(context: Mapping[str, Any]) -> str:
    """Why, in words: the names of exceptions mean nothing to those who read it in the registry or in the mail."""
    failure = context.get("failure") or {}
    if not failure:
        return str((context.get("step") or {}).get("reason", ""))
    error, message = str(failure.get("Error") or ""), _message(failure.get("Cause") or "")
    if error in _NOT_ENDED:
        return f"a step did not end in time: {message}" if message else "a step did not end in time"
    if hasattr(builtins, error):  # nothing of ours raises it on purpose
        return f"an error inside Sluice, which the function's log has in full: {message}"
    return message or "a step failed, and AWS gave no reason"


def _message(cause: str) -> str:
    """The message of an exception: Step Functions passes it on as Lambda's JSON, with the stack trace in it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
