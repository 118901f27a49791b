"""What changes for clients when a spec moves its model to an endpoint of another type."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.aws.dynamodb import Table
from sluice.endpoint.hosting import Endpoints
from sluice.rollout.model.store import RecordStore
from sluice.spec.model import ModelSpec
from sluice.spec.serving_modes import (
    ASYNC,
    ASYNC_PAYLOAD_MB,
    ASYNC_RESPONSE_SECONDS,
    REAL_TIME,
    REAL_TIME_PAYLOAD_MB,
    REAL_TIME_RESPONSE_SECONDS,
    SERVERLESS,
    SERVERLESS_PAYLOAD_MB,
    SERVERLESS_RESPONSE_SECONDS,
)

from cli.apply.endpoints import endpoint_of
from cli.session import CliSession, Stack

_LIMITS = {
    REAL_TIME: (REAL_TIME_PAYLOAD_MB, REAL_TIME_RESPONSE_SECONDS),
    SERVERLESS: (SERVERLESS_PAYLOAD_MB, SERVERLESS_RESPONSE_SECONDS),
    ASYNC: (ASYNC_PAYLOAD_MB, ASYNC_RESPONSE_SECONDS),
}
"""By type, MB of a request and seconds of a response."""


def notes_on_a_move(session: CliSession, stack: Stack, spec: ModelSpec) -> Iterator[str]:
    """Sentences about what the type in the spec takes less of than the endpoint that clients use now."""
    wanted = endpoint_of(session.names, spec)
    promoted = RecordStore(Table(session.clients("dynamodb"), stack.table)).last_promotion(spec.name)
    used = promoted.endpoint if promoted else session.names.endpoint(spec.name)
    if wanted is None or used == wanted:
        return
    live = Endpoints(session.clients("sagemaker")).describe(used)
    if live is None or live.kind == spec.endpoint.type:
        return
    kind = spec.endpoint.type
    yield f"clients use endpoint {used}, which is {live.kind}; the next version is at {wanted}: they have to move"
    (now_mb, now_seconds), (mb, seconds) = _LIMITS[live.kind], _LIMITS[kind]
    if mb < now_mb:
        yield f"a request to {wanted} may have {mb} MB, as it is {kind}; to {used} it may have {now_mb:,} MB"
    if seconds < now_seconds:
        yield f"{wanted} has to answer within {seconds} s, as it is {kind}; {used} has {now_seconds:,} s"
