"""Telemetry of the ``sluice`` command, which shows what it does itself and publishes no metrics."""

from __future__ import annotations

from sluice.telemetry.port import Key, Metric, Unit


class SilentTelemetry:
    """Logs and measures nothing."""

    def identify(self, key: Key, value: object) -> None:
        pass

    def log(self, message: str, **fields: object) -> None:
        pass

    def debug(self, message: str, **fields: object) -> None:
        pass

    def error(self, message: str, **fields: object) -> None:
        pass

    def measure(self, metric: Metric, value: float = 1, *, model: str, unit: Unit = "Count", cause: str = "") -> None:
        pass
