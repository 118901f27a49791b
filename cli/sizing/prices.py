"""Price tables of AWS regions, each named by region and date, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path

from sluice.batch.instance_prices import Prices, shipped_prices

from cli.failures import BadInputError


def read_prices(path: Path | None = None) -> Prices:
    """The table at ``path``, or the shipped one; ``BadInputError`` when it is not a price table."""
    if path is None:
        return shipped_prices()
    try:
        return Prices.parse(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInputError(f"{path} is not a price table: {error}") from error


def known_instance(prices: Prices, name: str) -> str:
    """``name``, if the table has a price for it."""
    if name not in prices.instances:
        known = ", ".join(prices.instances)
        raise BadInputError(f"The price table has no {name}; it has: {known}. --prices takes another table.")
    return name
