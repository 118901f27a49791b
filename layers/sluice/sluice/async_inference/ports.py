"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.transitions import AcceptedInvocation
from sluice.aws.s3 import StoredObject
from sluice.endpoint.state import EndpointState
from sluice.names import Names
from sluice.spec.model import ModelSpec
from sluice.spec.serving import AsyncServing
from sluice.telemetry.port import Telemetry


class NotificationQueue(Protocol):
    """The queue of SageMaker's notifications and our own retry messages."""

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        """Send bodies, each delayed by some seconds; returns the positions of those that were not accepted."""


class AsyncInvoker(Protocol):
    """InvokeEndpointAsync."""

    def invoke(self, inference: AsyncInference, serving: AsyncServing) -> AcceptedInvocation:
        """Put a request into its endpoint's queue, under the inference's id; each call is another invocation."""


class ResultBucket(Protocol):
    """The operations on the data bucket that this package uses."""

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        """An object by its ``s3://`` URI, or its first ``most_bytes``; None if it is not there."""

    def head(self, uri: str) -> StoredObject | None:
        """An object's size and age by its ``s3://`` URI, in any bucket; None if it is not there."""


class EventBatchPublisher(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[int, str]:
        """Publish events ten at a time; the positions of those that were not accepted, with the reason."""


class InferenceStore(Protocol):
    """Inferences by id. Every method is idempotent: it may be called again with the same arguments."""

    def get_all(self, inference_ids: Iterable[str]) -> Mapping[str, AsyncInference]:
        """The inferences that exist, by id."""

    def save(self, inference: AsyncInference) -> bool:
        """Write an inference unless it was changed since it was read; False, and nothing written, on a conflict."""

    def save_ready(self, inferences: Iterable[AsyncInference]) -> None:
        """Write ready inferences, 25 in one call, whatever has happened to them meanwhile."""

    def update(self, inference_id: str, change: Callable[[AsyncInference], AsyncInference]) -> AsyncInference | None:
        """Apply a change to an inference as it is now; returns it afterwards, None if there is none with this id."""

    def overdue(self, model: str, now: datetime) -> Iterator[AsyncInference]:
        """Pending inferences whose next notification or message is overdue."""


class AsyncEndpointReader(Protocol):
    """The calls that this package makes to SageMaker's endpoints."""

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now; None if there is none of this name."""


class AsyncSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class AsyncInferencePorts(Protocol):
    """All ports of this package."""

    @property
    def async_queue(self) -> NotificationQueue: ...

    @property
    def async_runtime(self) -> AsyncInvoker: ...

    @property
    def bucket(self) -> ResultBucket: ...

    @property
    def events(self) -> EventBatchPublisher: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def results(self) -> InferenceStore: ...

    @property
    def hosting(self) -> AsyncEndpointReader: ...

    @property
    def names(self) -> Names: ...

    @property
    def specs(self) -> AsyncSpecs: ...

    @property
    def telemetry(self) -> Telemetry: ...
