"""Telemetry that keeps what is said, for tests to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluice.telemetry.port import Key, Metric, Unit


@dataclass
class FakeTelemetry:
    """Lines as ``(level, message, fields with the keys known then)``, metrics as ``(name, value, model, cause)``."""

    keys: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    metrics: list[tuple[str, float, str, str]] = field(default_factory=list)

    def identify(self, key: Key, value: object) -> None:
        self.keys[key] = str(value)

    def log(self, message: str, **fields: object) -> None:
        self.lines.append(("INFO", message, {**self.keys, **fields}))

    def debug(self, message: str, **fields: object) -> None:
        self.lines.append(("DEBUG", message, {**self.keys, **fields}))

    def error(self, message: str, **fields: object) -> None:
        self.lines.append(("ERROR", message, {**self.keys, **fields}))

    def measure(self, metric: Metric, value: float = 1, *, model: str, unit: Unit = "Count", cause: str = "") -> None:
        self.metrics.append((metric, value, model, cause))
