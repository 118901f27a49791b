"""Event source mappings: which queue feeds which function, checked as Lambda checks it."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError
from localaws.services.events.pattern import PatternError, parse_pattern
from localaws.services.lambda_.functions.settings import require

_QUEUE_ARN = re.compile(r"arn:[^:]+:sqs:[^:]+:\d{12}:(?P<name>[A-Za-z0-9_-]{1,75}(\.fifo)?)")
_SETTINGS = frozenset(
    {"BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "ScalingConfig"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """One mapping of an SQS queue to a function."""

    queue_arn: str
    function_name: str
    function_arn: str
    settings: Mapping[str, Any]
    modified: datetime
    enabled: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    last_result: str = "No records processed"
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def queue_name(self) -> str:
        return self.queue_arn.rsplit(":", 1)[-1]

    @property
    def batch_size(self) -> int:
        return int(self.settings.get("BatchSize", 10))

    @property
    def window_seconds(self) -> float:
        return float(self.settings.get("MaximumBatchingWindowInSeconds", 0))

    @property
    def reports_failures(self) -> bool:
        return "ReportBatchItemFailures" in self.settings.get("FunctionResponseTypes", [])

    @property
    def maximum_concurrency(self) -> int | None:
        found = self.settings.get("ScalingConfig", {}).get("MaximumConcurrency")
        return None if found is None else int(found)

    @property
    def patterns(self) -> list[Mapping[str, Any]]:
        filters = self.settings.get("FilterCriteria", {}).get("Filters", [])
        return [parse_pattern(one["Pattern"]) for one in filters]

    def described(self, arn_start: str, state: str | None = None) -> dict[str, Any]:
        """As Lambda's EventSourceMappingConfiguration."""
        return {
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": int(self.window_seconds),
            "FunctionResponseTypes": [],
            **self.settings,
            "UUID": self.uuid,
            "EventSourceArn": self.queue_arn,
            "FunctionArn": self.function_arn,
            "EventSourceMappingArn": f"{arn_start}:event-source-mapping:{self.uuid}",
            "LastModified": self.modified,
            "LastProcessingResult": self.last_result,
            "State": state or ("Enabled" if self.enabled else "Disabled"),
            "StateTransitionReason": "USER_INITIATED",
        }


def checked_settings(params: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """The settings of a request; raises InvalidParameterValueException for what Lambda refuses."""
    found = _QUEUE_ARN.fullmatch(queue_arn)
    if found is None:
        raise AwsError("NotImplemented", f"The local Lambda polls SQS queues only, not {queue_arn}", 501)
    settings = {name: value for name, value in params.items() if name in _SETTINGS}
    size, window = settings.get("BatchSize", 10), settings.get("MaximumBatchingWindowInSeconds", 0)
    is_fifo = found["name"].endswith(".fifo")
    require(1 <= size <= (10 if is_fifo else 10_000), "BatchSize is out of range.")
    require(size <= 10 or window >= 1, "Maximum batch window must be at least 1 when batch size is over 10.")
    require(0 <= window <= 300, "MaximumBatchingWindowInSeconds is out of range.")
    require(not (is_fifo and window), "Batching window is not supported for FIFO queues.")
    concurrency = settings.get("ScalingConfig", {}).get("MaximumConcurrency")
    require(concurrency is None or 2 <= concurrency <= 1000, "MaximumConcurrency must be 2 to 1000.")
    try:
        for one in settings.get("FilterCriteria", {}).get("Filters", []):
            parse_pattern(one["Pattern"])
    except PatternError as error:
        raise AwsError("InvalidParameterValueException", f"Invalid filter pattern definition. {error}") from error
    return settings


def check_visibility(visibility_seconds: int, timeout_seconds: int) -> None:
    """A message must stay invisible at least as long as the function may take."""
    require(
        visibility_seconds >= timeout_seconds,
        f"Queue visibility timeout: {visibility_seconds} seconds is less than Function timeout: "
        f"{timeout_seconds} seconds",
    )


class EventSources:
    """All mappings by UUID. What it hands out is immutable."""

    def __init__(self) -> None:
        self._sources: dict[str, EventSource] = {}
        self._lock = threading.Lock()

    def all(self) -> list[EventSource]:
        with self._lock:
            return list(self._sources.values())

    def get(self, identifier: str) -> EventSource:
        with self._lock:
            return self._get(identifier)

    def find(self, identifier: str) -> EventSource | None:
        """The mapping, or None once it has been deleted."""
        with self._lock:
            return self._sources.get(identifier)

    def add(self, source: EventSource) -> None:
        with self._lock:
            for other in self._sources.values():
                if (other.queue_arn, other.function_name) == (source.queue_arn, source.function_name):
                    raise AwsError(
                        "ResourceConflictException",
                        f"An event source mapping with {source.queue_arn} and {source.function_name} "
                        f"already exists. Please update or delete the existing mapping: {other.uuid}",
                        409,
                    )
            self._sources[source.uuid] = source

    def change(self, identifier: str, **changes: Any) -> EventSource:
        """Replace fields of a mapping; raises ResourceNotFoundException once it has been deleted."""
        with self._lock:
            self._sources[identifier] = replace(self._get(identifier), **changes)
            return self._sources[identifier]

    def note_result(self, identifier: str, result: str) -> None:
        """Keep what the last batch came to, unless the mapping has been deleted meanwhile."""
        with self._lock:
            if identifier in self._sources:
                self._sources[identifier] = replace(self._sources[identifier], last_result=result)

    def retag(self, arn: str, tags: Mapping[str, str], gone: Sequence[str] = ()) -> None:
        """Add ``tags`` to the mapping with this ARN, and take the keys ``gone`` off it."""
        before = self.get(arn.rsplit(":", 1)[-1])
        kept = {key: value for key, value in {**before.tags, **tags}.items() if key not in gone}
        self.change(before.uuid, tags=kept)

    def remove(self, identifier: str) -> None:
        with self._lock:
            self._sources.pop(identifier, None)

    def _get(self, identifier: str) -> EventSource:
        if identifier not in self._sources:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return self._sources[identifier]
