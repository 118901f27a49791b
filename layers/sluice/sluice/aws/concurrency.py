"""Concurrent calls to AWS: the answer of each, or the error to retry it for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sluice.errors import RETRYABLE_ERRORS

_Item = TypeVar("_Item")
_Given = TypeVar("_Given")

AT_ONCE = 10
"""The number of connections that a boto3 client keeps open."""


def call_each(call: Callable[[_Item], _Given], items: Sequence[_Item]) -> list[_Given | Exception]:
    """The answers in the order of ``items``; in place of an answer the error, if it is one of RETRYABLE_ERRORS."""

    def attempt(item: _Item) -> _Given | Exception:
        try:
            return call(item)
        except RETRYABLE_ERRORS as error:
            return error

    if len(items) < 2:
        return [attempt(item) for item in items]
    with ThreadPoolExecutor(min(AT_ONCE, len(items))) as pool:
        return list(pool.map(attempt, items))
