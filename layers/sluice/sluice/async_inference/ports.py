"""What this room asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sluice.async_inference.inference import Entry
from sluice.async_inference.transitions import Invoked
from sluice.aws.s3 import StoredObject
from sluice.endpoint.state import EndpointState
from sluice.names import Names
from sluice.spec.model import ModelSpec
from sluice.spec.serving import AsyncServing


class AsyncInferenceAsyncQueue(Protocol):
    """The queue in which SageMaker's notifications arrive, and our own words to try again."""

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        """Send bodies, each to arrive after some seconds; the positions of those that were not taken."""


class AsyncInferenceAsyncRuntime(Protocol):
    """InvokeEndpointAsync."""

    def invoke(self, entry: Entry, serving: AsyncServing) -> Invoked:
        """Put an entry's request into its endpoint's queue, under the entry's id; each call is an invocation."""


class AsyncInferenceBucket(Protocol):
    """What Sluice asks of the data bucket."""

    def read(self, uri: str) -> bytes | None:
        """A small object by its ``s3://`` URI; None if it is not there."""

    def look(self, uri: str) -> StoredObject | None:
        """An object's size and age by its ``s3://`` URI, in any bucket; None if it is not there."""


class AsyncInferenceEvents(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[int, str]:
        """Publish events ten at a time; the positions of those that were not accepted, with the reason."""


class AsyncInferenceResults(Protocol):
    """Entries by inference id. Every method may be called again with the same arguments."""

    def get_all(self, inference_ids: Iterable[str]) -> Mapping[str, Entry]:
        """Those that are there, by id."""

    def save(self, entry: Entry) -> bool:
        """Write an entry if nobody has since it was read; False, and nothing written, otherwise."""

    def save_ready(self, entries: Iterable[Entry]) -> None:
        """Write entries whose result is there, 25 in one call, whatever has happened to them meanwhile."""

    def update(self, inference_id: str, change: Callable[[Entry], Entry]) -> Entry | None:
        """Make a change to an entry as it is now; the entry after it, None if there is no such entry."""

    def overdue(self, model: str, now: datetime) -> Iterator[Entry]:
        """Pending ones of which something must have been heard by now."""


class AsyncInferenceHosting(Protocol):
    """What Sluice asks of SageMaker's endpoints."""

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now; None if there is none of this name."""


class AsyncInferenceSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class AsyncInferencePorts(Protocol):
    """Everything that this room is given."""

    @property
    def async_queue(self) -> AsyncInferenceAsyncQueue: ...

    @property
    def async_runtime(self) -> AsyncInferenceAsyncRuntime: ...

    @property
    def bucket(self) -> AsyncInferenceBucket: ...

    @property
    def events(self) -> AsyncInferenceEvents: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def results(self) -> AsyncInferenceResults: ...

    @property
    def hosting(self) -> AsyncInferenceHosting: ...

    @property
    def names(self) -> Names: ...

    @property
    def specs(self) -> AsyncInferenceSpecs: ...
