"""The outcome of an inference, as a client reports it: bought or not, spent 12.50, fraud after all. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sluice.bounded_json import BoundsError, parse_json, parse_moment
from sluice.errors import PermanentError
from sluice.names import is_model

DETAIL_TYPE = "InferenceOutcome"
SOURCE = "sluice.outcomes"
"""The source of ``sluice outcome``; any other is accepted as well."""

MAX_ABSOLUTE_VALUE = 1e9
"""Values beyond are rejected: their squares would outweigh everything else."""

_ID = re.compile(r"[\x21-\x7e]{1,64}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VARIANT = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_RESERVED_METRICS = ("errors", "latency")


class OutcomeError(PermanentError):
    """An outcome that can be counted for nothing; the message names the field, its value and what is allowed.

    ``field`` is the name alone: logs hold no values of a user's data.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceOutcome:
    """One value of one metric for one inference. ``inference_id`` and ``metric`` make it idempotent.

    Either ``variant`` or ``version`` names what answered. ``at``: the time of the inference or of its outcome, as the
    client reports it; None if it does not.
    """

    model: str
    inference_id: str
    metric: str
    value: float
    variant: str = ""
    version: int | None = None
    at: datetime | None = None

    @classmethod
    def from_message(cls, body: str) -> Self:
        """Parse a message of the queue, which is a whole event.

        Raises:
            OutcomeError: it is no such event, or a field of its detail is missing or wrong.
        """
        try:
            event = parse_json(body)
        except BoundsError as error:
            raise OutcomeError(f"the message cannot be read: {error}", "message") from None
        detail = event.get("detail") if isinstance(event, dict) and event.get("detail-type") == DETAIL_TYPE else None
        if not isinstance(detail, dict):
            raise OutcomeError(f"the message is no event with detail-type {DETAIL_TYPE} and a detail", "message")
        return cls.parse(detail)

    @classmethod
    def parse(cls, detail: Mapping[str, Any]) -> Self:
        """Parse an event's detail: ``variant`` is the header ``x-Amzn-Invoked-Production-Variant`` of the response.

        Raises:
            OutcomeError: a field is missing or wrong.
        """
        return cls(
            model=_text(detail, "model", is_model, "a model's name, such as fraud"),
            inference_id=_text(detail, "inference_id", _ID.fullmatch, "1 to 64 printable characters without spaces"),
            metric=_metric(detail),
            value=_value(detail),
            at=_at(detail),
            **_answered_by(detail),
        )

    @property
    def is_bounded(self) -> bool:
        """Whether the value lies within 0..1, as a yes or no does."""
        return 0 <= self.value <= 1


def _text(detail: Mapping[str, Any], name: str, matches: Any, allowed: str) -> str:
    found = detail.get(name)
    if not isinstance(found, str) or not matches(found):
        raise _invalid(name, found, allowed)
    return found


def _answered_by(detail: Mapping[str, Any]) -> dict[str, Any]:
    version = detail.get("version")
    if "variant" in detail or version is None:
        allowed = "what the response names in the header x-Amzn-Invoked-Production-Variant; or give version"
        return {"variant": _text(detail, "variant", _VARIANT.fullmatch, allowed)}
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _invalid("version", version, "the number of the version that answered")
    return {"version": version}


def _metric(detail: Mapping[str, Any]) -> str:
    found = _text(detail, "metric", _NAME.fullmatch, "a name of small letters, digits and _, up to 64")
    if found in _RESERVED_METRICS:
        raise _invalid("metric", found, "any other name: errors and latency are measured at the endpoint")
    return found


def _value(detail: Mapping[str, Any]) -> float:
    found = detail.get("value")
    if not isinstance(found, int | float) or not abs(found) <= MAX_ABSOLUTE_VALUE:  # NaN is not, either
        raise _invalid(
            "value", found, f"a number from {-MAX_ABSOLUTE_VALUE:g} to {MAX_ABSOLUTE_VALUE:g}, or true or false"
        )
    return float(found)


def _at(detail: Mapping[str, Any]) -> datetime | None:
    found = detail.get("at")
    if found is None:
        return None
    try:
        parsed = datetime.fromisoformat(found)
        if parsed.tzinfo is not None and parse_moment(found):
            return parsed
    except (TypeError, ValueError):
        pass
    raise _invalid("at", found, "a time with its zone, such as 2026-03-04T10:11:12Z")


def _invalid(name: str, found: object, allowed: str) -> OutcomeError:
    what = "is missing" if found is None else f"is {found!r}"[:200]
    return OutcomeError(f"{name} {what}; allowed: {allowed}", name)
