"""Asynchronous endpoints and the queue of their results, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.runtime import InvocationRefusedError
from sluice.async_inference.transitions import AcceptedInvocation
from sluice.spec.serving import AsyncServing

from tests.fakes.aws_state import Faults


@dataclass
class FakeAsyncRuntime:
    """Takes requests for every endpoint but those that are ``gone``; what becomes of them is up to the test."""

    faults: Faults
    invoked: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def invoke(self, inference: AsyncInference, serving: AsyncServing) -> AcceptedInvocation:
        return self.faults.around(lambda: self._invoke(inference))  # type: ignore[no-any-return]

    def _invoke(self, inference: AsyncInference) -> AcceptedInvocation:
        if inference.endpoint in self.gone:
            raise InvocationRefusedError(f"SageMaker refused it: Endpoint {inference.endpoint} not found.")
        self.invoked.append(inference.id)
        name = f"{inference.id}-{len(self.invoked)}"
        folder = f"s3://sluice-dev-data/async/{inference.model}"
        return AcceptedInvocation(output=f"{folder}/output/{name}.out", failure=f"{folder}/failure/{name}-error.out")


@dataclass
class FakeAsyncQueue:
    """Bodies and delays in seconds, in the order in which they were sent."""

    faults: Faults
    sent: list[tuple[str, float]] = field(default_factory=list)

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        self.faults.around(lambda: self.sent.extend(messages))
        return set()
