"""What a target receives of an event: all of it, a constant, a part of it, or a template filled from it.

As on AWS a value is not escaped when it lands inside quotes, and a missing path leaves nothing behind; either
can make the result invalid JSON, which the delivery then reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_MISSING = object()


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str, ingested_at: str) -> str:
    """The text handed to ``target`` (a Target of PutTargets). ``ingested_at`` is an ISO time."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        part = select(target["InputPath"], event)
        return _compact({} if part is _MISSING else part)
    if "InputTransformer" in target:
        given = _predefined(event, rule_arn, ingested_at)
        for name, path in target["InputTransformer"].get("InputPathsMap", {}).items():
            given[name] = select(path, event)
        return fill(target["InputTransformer"]["InputTemplate"], given)
    return _compact(event)


def select(path: str, event: Mapping[str, Any]) -> Any:
    """The value at a JSONPath of plain steps (``$.detail.list[0]``), or a marker that stands for nothing."""
    steps = list(_STEP.finditer(path, 1))
    if not path.startswith("$") or "".join(step.group() for step in steps) != path[1:]:
        return _MISSING
    value: Any = event
    for step in steps:
        name = step["name"] or step["quoted"]
        if name is not None and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif step["index"] and isinstance(value, list) and int(step["index"]) < len(value):
            value = value[int(step["index"])]
        else:
            return _MISSING
    return value


def fill(template: str, given: Mapping[str, Any]) -> str:
    """``template`` with each ``<name>`` of ``given`` replaced; unknown names stay as they are.

    Outside quotes a value appears as JSON; inside quotes a string appears bare and anything else as JSON.
    """
    pieces: list[str] = []
    end = 0
    quoted = False
    for found in _VARIABLE.finditer(template):
        if found[1] not in given:
            continue
        before = template[end : found.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        pieces += [before, _written(given[found[1]], within_quotes=quoted)]
        end = found.end()
    return "".join([*pieces, template[end:]])


def _written(value: Any, *, within_quotes: bool) -> str:
    if value is _MISSING:
        return ""
    return value if within_quotes and isinstance(value, str) else _compact(value)


def _predefined(event: Mapping[str, Any], rule_arn: str, ingested_at: str) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": ingested_at,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": dict(event),
    }


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
