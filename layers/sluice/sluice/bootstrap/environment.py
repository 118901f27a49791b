"""What every port is made of: the function's variables, its clients, the clock and its telemetry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.names import Names
from sluice.telemetry.port import Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One per execution environment. ``client`` makes a service's client when it is first used."""

    variables: Mapping[str, str]
    client: Callable[[str], Any]
    now: Callable[[], datetime]
    telemetry: Telemetry

    @property
    def names(self) -> Names:
        return Names(self.variables["SLUICE_STAGE"])
