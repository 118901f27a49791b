"""X-Ray traces, opt-in: the X-Ray SDK is loaded only when a handler is traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aws_lambda_powertools.tracing import Tracer

from sluice.telemetry.powertools import SERVICE

Returned = TypeVar("Returned", bound=Mapping[str, Any])
Handler = Callable[[Mapping[str, Any], Any], Returned]


def traced(handler: Handler[Returned]) -> Handler[Returned]:
    """The handler with a subsegment around it, and one within for each call of an AWS client.

    Clients are patched as a class, so those that exist already are traced as well. Results are left out of traces,
    and of errors all but class, message and stack, such as AWS's whole answer: like logs, traces hold no payloads.
    """
    tracer = Tracer(service=SERVICE, patch_modules=("boto3",))
    wrapped: Handler[Returned] = tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)
    return wrapped
