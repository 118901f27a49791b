"""What came of an inference, as a client reports it: bought or not, spent 12.50, fraud after all. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sluice.errors import PermanentError
from sluice.names import is_model

DETAIL_TYPE = "InferenceOutcome"
SOURCE = "sluice.outcomes"
"""What ``sluice outcome`` sends as; any source will do."""

MAX_ABSOLUTE_VALUE = 1e9
"""Values beyond are refused: their squares would crowd out everything else."""

_ID = re.compile(r"[\x21-\x7e]{1,64}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VARIANT = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
_RESERVED_METRICS = ("errors", "latency")


class OutcomeError(PermanentError):
    """An outcome that can be counted for nothing; the message names the field, its value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceOutcome:
    """One value of one metric for one inference. ``inference_id`` and ``metric`` make it the same when it comes again.

    Either ``variant`` or ``version`` tells who answered. ``at``: when the inference or its outcome was, as the client
    says; None if it does not.
    """

    model: str
    inference_id: str
    metric: str
    value: float
    variant: str = ""
    version: int | None = None
    at: datetime | None = None

    @classmethod
    def parse(cls, detail: Mapping[str, Any]) -> Self:
        """From an event's detail: ``variant`` is the header ``x-Amzn-Invoked-Production-Variant`` of the response.

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
        """Whether the value lies within 0..1, as yes and no do."""
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
    if not isinstance(found, int | float) or not math.isfinite(found) or abs(found) > MAX_ABSOLUTE_VALUE:
        raise _invalid("value", found, f"a number from {-MOST:g} to {MOST:g}, or true or false")
    return float(found)


def _at(detail: Mapping[str, Any]) -> datetime | None:
    found = detail.get("at")
    if found is None:
        return None
    try:
        parsed = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise _invalid("at", found, "a time with its zone, such as 2026-03-04T10:11:12Z") from None
    return parsed


def _invalid(name: str, found: object, allowed: str) -> OutcomeError:
    what = "is missing" if found is None else f"is {found!r}"[:200]
    return OutcomeError(f"{name} {what}; allowed: {allowed}")
