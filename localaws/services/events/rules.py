"""The rules of the default event bus: written and read by the API, consulted for every event."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError
from localaws.services.events.pattern import PatternError, parse_pattern
from localaws.services.events.schedule import Cron, Rate, ScheduleError, parse_schedule

MAX_TARGETS = 5
_RULE_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_TARGET_SERVICES = frozenset({"lambda", "sqs", "sns", "states", "logs"})

Target = Mapping[str, Any]  # a Target as PutTargets takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule and its targets. ``written_at`` is when PutRule was last called: a rate counts from it."""

    name: str
    arn: str
    written_at: datetime
    enabled: bool = True
    pattern_text: str | None = None
    pattern: Mapping[str, Any] | None = None
    schedule_expression: str | None = None
    schedule: Rate | Cron | None = None
    description: str | None = None
    role_arn: str | None = None
    targets: tuple[Target, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """As DescribeRule and ListRules show it."""
        shown = {
            "Name": self.name,
            "Arn": self.arn,
            "EventPattern": self.pattern_text,
            "ScheduleExpression": self.schedule_expression,
            "State": "ENABLED" if self.enabled else "DISABLED",
            "Description": self.description,
            "RoleArn": self.role_arn,
            "EventBusName": "default",
        }
        return {member: value for member, value in shown.items() if value is not None}


def rule_from_request(params: Mapping[str, Any], *, arn: str, written_at: datetime) -> Rule:
    """The rule PutRule asks for, without targets; raises the AwsError EventBridge would answer."""
    name = params["Name"]
    if not _RULE_NAME.fullmatch(name):
        raise AwsError("ValidationException", f"Rule name {name!r} is not valid.")
    pattern_text, expression = params.get("EventPattern"), params.get("ScheduleExpression")
    if not pattern_text and not expression:
        raise AwsError("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
    try:
        return Rule(
            name=name,
            arn=arn,
            written_at=written_at,
            enabled=params.get("State", "ENABLED") != "DISABLED",
            pattern_text=pattern_text,
            pattern=parse_pattern(pattern_text) if pattern_text else None,
            schedule_expression=expression,
            schedule=parse_schedule(expression) if expression else None,
            description=params.get("Description"),
            role_arn=params.get("RoleArn"),
            tags={tag["Key"]: tag["Value"] for tag in params.get("Tags", [])},
        )
    except PatternError as error:
        raise AwsError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}") from error
    except ScheduleError as error:
        raise AwsError("ValidationException", f"Parameter ScheduleExpression is not valid. {error}") from error


def check_target(target: Target) -> None:
    """Raise the AwsError PutTargets answers to a target that can never receive anything."""
    service = target["Arn"].split(":")[2] if target["Arn"].count(":") >= 5 else None
    if service is None:
        raise AwsError("ValidationException", f"Parameter {target['Arn']} is not valid. Reason: not an ARN.")
    if service not in _TARGET_SERVICES:
        raise AwsError("NotImplemented", f"The local EventBridge has no targets of {service}", 501)
    if len({"Input", "InputPath", "InputTransformer"} & target.keys()) > 1:
        raise AwsError("ValidationException", f"Only one of Input, InputPath, InputTransformer: {target['Id']}.")
    if service == "states" and not target.get("RoleArn"):
        raise AwsError("ValidationException", f"RoleArn is required for target {target['Arn']}.")


class RuleStore:
    """All rules by name. Rules are immutable and replaced whole, so readers never see half a change."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._lock = threading.Lock()

    def all(self) -> Sequence[Rule]:
        with self._lock:
            return sorted(self._rules.values(), key=lambda rule: rule.name)

    def get(self, name: str) -> Rule:
        with self._lock:
            return self._get(name)

    def put(self, rule: Rule) -> None:
        """Write ``rule``; one of the same name keeps its targets and its tags (API reference, PutRule)."""
        with self._lock:
            before = self._rules.get(rule.name)
            self._rules[rule.name] = replace(rule, targets=before.targets, tags=before.tags) if before else rule

    def set_enabled(self, name: str, enabled: bool) -> None:
        with self._lock:
            self._rules[name] = replace(self._get(name), enabled=enabled)

    def retag(self, name: str, tags: Mapping[str, str], gone: Sequence[str] = ()) -> None:
        """Add ``tags`` to a rule, and take the keys ``gone`` off it."""
        with self._lock:
            rule = self._get(name)
            kept = {key: value for key, value in {**rule.tags, **tags}.items() if key not in gone}
            self._rules[name] = replace(rule, tags=kept)

    def delete(self, name: str) -> None:
        """Deleting what is not there succeeds, as on AWS; a rule that still has targets stays."""
        with self._lock:
            if name in self._rules and self._rules[name].targets:
                raise AwsError("ValidationException", "Rule can't be deleted since it has targets.")
            self._rules.pop(name, None)

    def put_targets(self, name: str, targets: Sequence[Target]) -> None:
        with self._lock:
            rule = self._get(name)
            merged = {t["Id"]: t for t in rule.targets} | {t["Id"]: t for t in targets}
            if len(merged) > MAX_TARGETS:
                raise AwsError("LimitExceededException", f"A rule has at most {MAX_TARGETS} targets.")
            self._rules[name] = replace(rule, targets=tuple(merged.values()))

    def remove_targets(self, name: str, ids: Sequence[str]) -> list[str]:
        """Remove the targets; returns the ids the rule did not have."""
        with self._lock:
            rule = self._get(name)
            kept = tuple(target for target in rule.targets if target["Id"] not in ids)
            self._rules[name] = replace(rule, targets=kept)
            return [i for i in ids if i not in {target["Id"] for target in rule.targets}]

    def _get(self, name: str) -> Rule:
        if name not in self._rules:
            raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")
        return self._rules[name]
