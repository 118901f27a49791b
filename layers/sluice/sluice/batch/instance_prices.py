"""A table of what AWS charges for serving; all amounts are US dollars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Self

MB_PER_GB = 1024
SHIPPED = Path(__file__).parent / "prices" / "us-east-1-2025-10.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePrice:
    """One instance type on demand; ``sure`` is false when the price has to be checked before anyone relies on it."""

    usd_per_hour: float
    vcpus: int
    gpus: int
    sure: bool

    @property
    def slots(self) -> int:
        """Requests that are worked on at once without slowing each other down: one per GPU, else one per vCPU."""
        return self.gpus or self.vcpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """List prices of one region at one date."""

    region: str
    as_of: str
    source: str
    instances: Mapping[str, InstancePrice]
    serverless_usd_per_gb_second: float
    data_usd_per_gb: float
    s3_usd_per_put: float
    s3_usd_per_get: float
    unsure: tuple[str, ...]
    """Names of the other prices that are to be checked."""

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """The table in ``raw``; ``ValueError`` names the field that is missing or not a price."""
        try:
            return cls(
                region=str(raw["region"]),
                as_of=str(raw["as_of"]),
                source=str(raw["source"]),
                instances={name: _instance(name, one) for name, one in raw["instances"].items()},
                serverless_usd_per_gb_second=_amount(raw, "serverless_usd_per_gb_second"),
                data_usd_per_gb=_amount(raw, "data_usd_per_gb"),
                s3_usd_per_put=_amount(raw, "s3_usd_per_put"),
                s3_usd_per_get=_amount(raw, "s3_usd_per_get"),
                unsure=tuple(map(str, raw["unsure"])),
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]} is missing") from error
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not a price table: {error}") from error


@cache
def shipped_prices() -> Prices:
    """The dated table that comes with Sluice, of one region: good for an estimate."""
    return Prices.parse(json.loads(SHIPPED.read_text(encoding="utf-8")))


def _instance(name: str, raw: Mapping[str, Any]) -> InstancePrice:
    vcpus, gpus = raw["vcpus"], raw["gpus"]
    if not (isinstance(vcpus, int) and vcpus > 0 and isinstance(gpus, int) and gpus >= 0):
        raise ValueError(f"{name}: vcpus must be 1 or more, gpus 0 or more")
    return InstancePrice(usd_per_hour=_amount(raw, "usd_per_hour"), vcpus=vcpus, gpus=gpus, sure=raw["sure"] is True)


def _amount(raw: Mapping[str, Any], key: str) -> float:
    value = raw[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
        raise ValueError(f"{key}: {value!r} is not an amount above 0")
    return float(value)
