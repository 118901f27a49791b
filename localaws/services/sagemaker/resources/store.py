"""A store of named records of one kind of resource, with SageMaker's errors for names that are taken or unknown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from localaws.context import Context
from localaws.service_api import invalid


class Named(Protocol):
    """Anything kept in a RecordStore."""

    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Named)


class RecordStore(Generic[R]):
    """Thread-safe. Names differ regardless of case, because SageMaker's ARNs are lower-cased."""

    def __init__(self, context: Context, *, kind: str, arn_type: str) -> None:
        """``kind`` is what messages call the resource, ``arn_type`` what its ARN does."""
        self._kind = kind
        self._arn_prefix = f"arn:aws:sagemaker:{context.region}:{context.account}:{arn_type}/"
        self._lock = threading.Lock()
        self._records: dict[str, R] = {}

    def arn(self, name: str) -> str:
        return self._arn_prefix + name.lower()

    def refuse_taken(self, name: str) -> None:
        """Raise ValidationException when the name exists."""
        with self._lock:
            if name.lower() in self._records:
                raise invalid(f'Cannot create already existing {self._kind} "{self.arn(name)}".')

    def add(self, record: R) -> None:
        """Raises ValidationException when the name exists."""
        with self._lock:
            if record.name.lower() in self._records:
                raise invalid(f'Cannot create already existing {self._kind} "{self.arn(record.name)}".')
            self._records[record.name.lower()] = record

    def get(self, name: str) -> R:
        """Raises ValidationException when there is none."""
        with self._lock:
            return self._get(name)

    def find(self, name: str) -> R | None:
        with self._lock:
            return self._records.get(name.lower())

    def change(self, name: str, change: Callable[[R], R]) -> R:
        """Replace a record by what ``change`` makes of it, atomically; if that raises, nothing changes."""
        with self._lock:
            changed = change(self._get(name))
            self._records[name.lower()] = changed
            return changed

    def remove(self, name: str) -> R:
        """Raises ValidationException when there is none."""
        with self._lock:
            record = self._get(name)
            del self._records[name.lower()]
            return record

    def all(self) -> list[R]:
        """In the order in which they were added."""
        with self._lock:
            return list(self._records.values())

    def _get(self, name: str) -> R:
        record = self._records.get(name.lower())
        if record is None:
            raise invalid(f'Could not find {self._kind} "{self.arn(name)}".')
        return record
