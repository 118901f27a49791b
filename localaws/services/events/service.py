"""The EventBridge API, the bus that other services emit on, and the clock of scheduled rules."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, Result
from localaws.services.events.delivery import Deliverer, Delivery
from localaws.services.events.envelope import (
    MAX_ENTRIES,
    MAX_TOTAL_BYTES,
    EntryError,
    Event,
    entry_bytes,
    entry_detail,
    envelope,
)
from localaws.services.events.matching import matches
from localaws.services.events.pattern import PatternError, parse_pattern
from localaws.services.events.rules import Rule, RuleStore, check_target, rule_from_request
from localaws.services.events.scheduled import watch_schedules


class EventBridge:
    """The default event bus of one account. ``time_scale`` shortens the waits between delivery attempts."""

    name = "events"

    def __init__(self, context: Context, *, time_scale: float = 1.0) -> None:
        self._context = context
        self._rules = RuleStore()
        self._deliverer = Deliverer(context, time_scale=time_scale)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "PutRule": self.put_rule,
            "DescribeRule": self.describe_rule,
            "ListRules": self.list_rules,
            "DeleteRule": self.delete_rule,
            "EnableRule": self.enable_rule,
            "DisableRule": self.disable_rule,
            "PutTargets": self.put_targets,
            "ListTargetsByRule": self.list_targets_by_rule,
            "ListRuleNamesByTarget": self.list_rule_names_by_target,
            "RemoveTargets": self.remove_targets,
            "PutEvents": self.put_events,
            "TestEventPattern": self.test_event_pattern,
            "DescribeEventBus": self.describe_event_bus,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def start(self) -> None:
        self._deliverer.start()
        watch_schedules(self._context, self._rules, self._fire)

    def stop(self) -> None:
        self._deliverer.stop()

    def deliveries(self) -> Sequence[Delivery]:
        """Every delivery so far, for reports: what was matched, when it arrived, after how many attempts."""
        return self._deliverer.deliveries()

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        """An event of an AWS service. ``detail`` must be JSON as it stands; targets get it asynchronously."""
        copied = json.loads(json.dumps(detail))
        self._publish(self._event(source, detail_type, copied, resources, self._context.now()))

    def put_rule(self, params: Params, call: Call) -> Result:
        self._check_bus(params)
        arn = f"arn:aws:events:{call.region}:{call.account}:rule/{params['Name']}"
        self._rules.put(rule_from_request(params, arn=arn, written_at=self._context.now()))
        return {"RuleArn": arn}

    def describe_rule(self, params: Params, call: Call) -> Result:
        return {**self._rules.get(params["Name"]).described(), "CreatedBy": call.account}

    def list_rules(self, params: Params, call: Call) -> Result:
        del call
        prefix = params.get("NamePrefix", "")
        return {"Rules": [rule.described() for rule in self._rules.all() if rule.name.startswith(prefix)]}

    def delete_rule(self, params: Params, call: Call) -> Result:
        del call
        self._rules.delete(params["Name"])
        return {}

    def enable_rule(self, params: Params, call: Call) -> Result:
        del call
        self._rules.set_enabled(params["Name"], True)
        return {}

    def disable_rule(self, params: Params, call: Call) -> Result:
        del call
        self._rules.set_enabled(params["Name"], False)
        return {}

    def put_targets(self, params: Params, call: Call) -> Result:
        del call
        for target in params["Targets"]:
            check_target(target)
        self._rules.put_targets(params["Rule"], params["Targets"])
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(self, params: Params, call: Call) -> Result:
        del call
        return {"Targets": [dict(target) for target in self._rules.get(params["Rule"]).targets]}

    def list_rule_names_by_target(self, params: Params, call: Call) -> Result:
        del call
        wanted = params["TargetArn"]
        return {"RuleNames": [r.name for r in self._rules.all() if wanted in {t["Arn"] for t in r.targets}]}

    def remove_targets(self, params: Params, call: Call) -> Result:
        del call
        failed = [
            {"TargetId": i, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"No target {i}."}
            for i in self._rules.remove_targets(params["Rule"], params["Ids"])
        ]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def put_events(self, params: Params, call: Call) -> Result:
        del call
        entries = params["Entries"]
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise AwsError("ValidationException", f"Entries must be 1 to {MAX_ENTRIES}, not {len(entries)}.")
        if sum(entry_bytes(entry) for entry in entries) > MAX_TOTAL_BYTES:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        answers = [self._put_entry(entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in a for a in answers), "Entries": answers}

    def test_event_pattern(self, params: Params, call: Call) -> Result:
        del call
        try:
            pattern = parse_pattern(params["EventPattern"])
        except PatternError as error:
            message = f"Event pattern is not valid. Reason: {error}"
            raise AwsError("InvalidEventPatternException", message) from error
        return {"Result": matches(pattern, json.loads(params["Event"]))}

    def describe_event_bus(self, params: Params, call: Call) -> Result:
        self._check_bus({"EventBusName": params.get("Name", "default")})
        return {"Name": "default", "Arn": f"arn:aws:events:{call.region}:{call.account}:event-bus/default"}

    def tag_resource(self, params: Params, call: Call) -> Result:
        del call
        tags = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        self._rules.retag(_rule_name(params), tags)
        return {}

    def untag_resource(self, params: Params, call: Call) -> Result:
        del call
        self._rules.retag(_rule_name(params), {}, params["TagKeys"])
        return {}

    def list_tags_for_resource(self, params: Params, call: Call) -> Result:
        del call
        tags = self._rules.get(_rule_name(params)).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _check_bus(self, params: Params) -> None:
        bus = params.get("EventBusName", "default").rsplit("/", 1)[-1]
        if bus != "default":
            raise AwsError("ResourceNotFoundException", f"Event bus {bus} does not exist.")

    def _put_entry(self, entry: Params) -> Result:
        try:
            detail = entry_detail(entry)
        except EntryError as error:
            return {"ErrorCode": error.code, "ErrorMessage": str(error)}
        self._check_bus(entry)
        time = entry["Time"].astimezone(UTC) if "Time" in entry else self._context.now()
        event = self._event(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()), time)
        self._publish(event)
        return {"EventId": event["id"]}

    def _event(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str],
        time: datetime,
    ) -> Event:
        return envelope(
            event_id=str(uuid.uuid4()),
            time=time,
            account=self._context.account,
            region=self._context.region,
            source=source,
            detail_type=detail_type,
            detail=detail,
            resources=resources,
        )

    def _publish(self, event: Event) -> None:
        for rule in self._rules.all():
            if rule.enabled and rule.pattern is not None and matches(rule.pattern, event):
                self._deliverer.dispatch(event, rule)

    def _fire(self, rule: Rule, due: datetime) -> None:
        event = self._event("aws.events", "Scheduled Event", {}, [rule.arn], due)
        self._deliverer.dispatch(event, rule)


def _rule_name(params: Params) -> str:
    """Of an operation that takes a rule's ARN; only rules have tags here."""
    return str(params["ResourceARN"]).rsplit("/", 1)[-1]
