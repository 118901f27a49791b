"""How asynchronous inferences are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sluice.async_inference.inference import PENDING, Inference

from cli.session import CliSession
from cli.training.listings import minute


def as_json(entry: Inference) -> dict[str, Any]:
    """All that is known of an inference, for programs."""
    result = entry.result
    return {
        "id": entry.id,
        "model": entry.model,
        "endpoint": entry.endpoint,
        "status": entry.status,
        "since": entry.since,
        "attempts": entry.attempts,
        "input": entry.request.input,
        "content_type": entry.request.content_type,
        "output": entry.output,
        "failure": entry.failure,
        "reason": entry.reason,
        "version": result.version if result else None,
        "size_bytes": result.size_bytes if result else None,
        "latency_ms": result.latency_ms if result else None,
        "ended_at": result.ended_at if result else None,
        "failures": [{"ended_at": each.ended_at, "reason": each.reason} for each in entry.failures],
    }


def show_list(session: CliSession, entries: Sequence[Inference]) -> None:
    rows = [(each.id, each.status, minute(each.since), str(each.attempts), outcome(each)) for each in entries]
    session.out.table("Results", ("inference", "status", "since", "attempts", "outcome"), rows)


def show_outcomes(session: CliSession, sent: Sequence[tuple[str, Inference]]) -> None:
    """What came of the files that were sent."""
    rows = [(file, each.id, each.status, str(each.attempts), outcome(each)) for file, each in sent]
    session.out.table("Results", ("file", "inference", "status", "attempts", "outcome"), rows)


def show_one(session: CliSession, entry: Inference) -> None:
    session.out.text(f"{entry.id}  {entry.status}")
    for name, value in _lines(entry):
        session.out.text(f"  {name:<12}{value}")


def outcome(entry: Inference) -> str:
    """Where the result is, or why there is none."""
    if entry.result:
        size = "deleted" if entry.result.size_bytes is None else f"{entry.result.size_bytes:,} bytes"
        return f"{entry.result.output} ({size}, {entry.result.latency_ms / 1000:.1f} s)"
    return entry.reason


def _lines(entry: Inference) -> Iterator[tuple[str, str]]:
    yield "model", entry.model
    yield "endpoint", entry.endpoint
    yield "since", minute(entry.since)
    yield "input", entry.request.input or "came in the call itself, and is gone"
    if entry.result:
        yield "output", outcome(entry)
        yield "version", str(entry.result.version or "unknown")
    elif entry.output:
        yield "will be", entry.output
    yield "attempts", str(entry.attempts)
    for each in entry.failures:
        yield "failed", f"{minute(each.ended_at)}  {each.reason}"
    if entry.reason and entry.reason not in {each.reason for each in entry.failures}:
        yield "reason", entry.reason
    if entry.failure and not entry.result:
        yield "answer", entry.failure
    if entry.status in PENDING and entry.overdue_at:
        yield "looked for", f"at {minute(entry.overdue_at)}, if nothing is heard until then"
