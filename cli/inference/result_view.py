"""How asynchronous inferences are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sluice.async_inference.inference import PENDING, AsyncInference

from cli.session import CliSession
from cli.training.listings import minute


def as_json(inference: AsyncInference) -> dict[str, Any]:
    """An inference as JSON for programs."""
    result = inference.result
    return {
        "id": inference.id,
        "model": inference.model,
        "endpoint": inference.endpoint,
        "status": inference.status,
        "since": inference.since,
        "attempts": inference.attempts,
        "input": inference.request.input,
        "content_type": inference.request.content_type,
        "output": inference.output,
        "failure": inference.failure,
        "reason": inference.reason,
        "version": result.version if result else None,
        "size_bytes": result.size_bytes if result else None,
        "latency_ms": result.latency_ms if result else None,
        "ended_at": result.ended_at if result else None,
        "failures": [{"ended_at": each.ended_at, "reason": each.reason} for each in inference.failures],
    }


def show_list(session: CliSession, inferences: Sequence[AsyncInference]) -> None:
    rows = [(each.id, each.status, minute(each.since), str(each.attempts), outcome(each)) for each in inferences]
    session.out.table("Results", ("inference", "status", "since", "attempts", "outcome"), rows)


def show_outcomes(session: CliSession, sent: Sequence[tuple[str, AsyncInference]]) -> None:
    """Show the results of the files that were sent."""
    rows = [(file, each.id, each.status, str(each.attempts), outcome(each)) for file, each in sent]
    session.out.table("Results", ("file", "inference", "status", "attempts", "outcome"), rows)


def show_one(session: CliSession, inference: AsyncInference) -> None:
    session.out.text(f"{inference.id}  {inference.status}")
    for name, value in _lines(inference):
        session.out.text(f"  {name:<12}{value}")


def outcome(inference: AsyncInference) -> str:
    """The location of the result, or why there is none."""
    if inference.result:
        size = "deleted" if inference.result.size_bytes is None else f"{inference.result.size_bytes:,} bytes"
        return f"{inference.result.output} ({size}, {inference.result.latency_ms / 1000:.1f} s)"
    return inference.reason


def _lines(inference: AsyncInference) -> Iterator[tuple[str, str]]:
    yield "model", inference.model
    yield "endpoint", inference.endpoint
    yield "since", minute(inference.since)
    yield "input", inference.request.input or "came in the call itself, and is gone"
    if inference.result:
        yield "output", outcome(inference)
        yield "version", str(inference.result.version or "unknown")
    elif inference.output:
        yield "will be", inference.output
    yield "attempts", str(inference.attempts)
    for each in inference.failures:
        yield "failed", f"{minute(each.ended_at)}  {each.reason}"
    if inference.reason and inference.reason not in {each.reason for each in inference.failures}:
        yield "reason", inference.reason
    if inference.failure and not inference.result:
        yield "answer", inference.failure
    if inference.status in PENDING and inference.overdue_at:
        yield "looked for", f"at {minute(inference.overdue_at)}, if nothing is heard until then"
