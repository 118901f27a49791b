"""The lines Lambda itself writes into a function's log, as text or as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from localaws.services.lambda_.environments.outcome import FunctionOutcome
from localaws.services.lambda_.functions.functions import Function


@dataclass(frozen=True, slots=True)
class Report:
    """What the REPORT line tells. ``init_ms`` is None in a warm environment."""

    request_id: str
    outcome: FunctionOutcome
    duration_ms: float
    init_ms: float | None
    peak_mb: int


def start_lines(function: Function, request_id: str, time: str) -> list[str]:
    if function.logs_json:
        record = {"requestId": request_id, "version": "$LATEST"}
        return _platform(function, time, "platform.start", record)
    return [f"START RequestId: {request_id} Version: $LATEST"]


def report_lines(function: Function, report: Report, time: str) -> list[str]:
    """END and REPORT, after what Lambda has to say about a function that did not finish."""
    if function.logs_json:
        return _platform(function, time, "platform.report", _report_record(function, report))
    lines = [f"{time} {report.outcome.final_line}"] if report.outcome.final_line else []
    fields = [
        f"REPORT RequestId: {report.request_id}",
        f"Duration: {report.duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(report.duration_ms + (report.init_ms or 0))} ms",
        f"Memory Size: {function.settings['MemorySize']} MB",
        f"Max Memory Used: {report.peak_mb} MB",
    ]
    if report.init_ms is not None:
        fields.append(f"Init Duration: {report.init_ms:.2f} ms")
    if not report.outcome.environment_survives:
        fields += [f"Status: {_status(report)}"]
        fields += [f"Error Type: {report.outcome.error_type}"] if _status(report) == "error" else []
    return [*lines, f"END RequestId: {report.request_id}", "\t".join([*fields, ""])]


def _report_record(function: Function, report: Report) -> dict[str, Any]:
    metrics = {
        "durationMs": round(report.duration_ms, 3),
        "billedDurationMs": math.ceil(report.duration_ms + (report.init_ms or 0)),
        "memorySizeMB": function.settings["MemorySize"],
        "maxMemoryUsedMB": report.peak_mb,
    }
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    record: dict[str, Any] = {
        "requestId": report.request_id,
        "metrics": metrics,
        "status": _status(report),
    }
    if _status(report) == "error":
        record["errorType"] = report.outcome.error_type
    return record


def _status(report: Report) -> str:
    if report.outcome.error_type == "Sandbox.Timedout":
        return "timeout"
    return "success" if report.outcome.environment_survives else "error"


def _platform(function: Function, time: str, kind: str, record: dict[str, Any]) -> list[str]:
    if function.settings["LoggingConfig"]["SystemLogLevel"] == "WARN":
        return []
    return [json.dumps({"time": time, "type": kind, "record": record}, separators=(",", ":"))]
