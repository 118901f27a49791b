"""Rules, schedules and PutEvents, as EventBridge takes and refuses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.lambda_.account import Account


def test_a_disabled_rule_delivers_nothing_until_it_is_enabled(account: Account) -> None:
    url, queue = account.queue("switched")
    arn = account.rule("switched", {"source": ["switched"]}, {"Arn": queue, "InputPath": "$.detail.n"})
    account.admit(url, queue, arn)
    events = account.client("events")
    events.disable_rule(Name="switched")
    account.put("switched", n=1)
    events.enable_rule(Name="switched")
    account.put("switched", n=2)
    assert account.message(url)["Body"] == "2"


def test_a_scheduled_rule_fires_on_time(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    url, queue = account.queue("ticks")
    events = account.client("events")
    arn = events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule="ticks", Targets=[{"Id": "0", "Arn": queue}])
    account.admit(url, queue, arn)
    account.put("ticks")  # no event but its own reaches a scheduled rule
    now = account.aws.context.now
    monkeypatch.setattr(account.aws.context, "now", lambda: now() + timedelta(seconds=61))
    event = json.loads(account.message(url)["Body"])
    events.disable_rule(Name="ticks")
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["resources"], event["detail"]) == ([arn], {})


def test_put_events_takes_good_entries_and_names_bad_ones(account: Account) -> None:
    good = {"Source": "some", "DetailType": "t", "Detail": "{}", "Time": datetime(2026, 1, 1, tzinfo=UTC)}
    answer = account.client("events").put_events(Entries=[good, {**good, "Detail": "["}])
    assert answer["FailedEntryCount"] == 1
    assert "EventId" in answer["Entries"][0]
    assert answer["Entries"][1]["ErrorCode"] == "MalformedDetail"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"EventPattern": '{"source": [{"unknown": 1}]}'}, "InvalidEventPatternException"),
        ({"ScheduleExpression": "rate(5 seconds)"}, "ValidationException"),
        ({}, "ValidationException"),
        ({"EventPattern": '{"source": ["x"]}', "EventBusName": "other"}, "ResourceNotFoundException"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(account: Account, params: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        account.client("events").put_rule(Name="refused", **params)
    assert refused.value.response["Error"]["Code"] == code


def test_rules_and_targets_can_be_read_changed_and_deleted(account: Account) -> None:
    events = account.client("events")
    _, queue = account.queue("listed")
    arn = account.rule("listed", {"source": ["listed"]}, {"Arn": queue})
    events.put_rule(Name="listed", EventPattern='{"source": ["again"]}', Description="changed")
    described = events.describe_rule(Name="listed")
    assert (described["Arn"], described["State"], described["Description"]) == (arn, "ENABLED", "changed")
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="list")["Rules"]] == ["listed"]
    assert events.list_targets_by_rule(Rule="listed")["Targets"] == [{"Id": "0", "Arn": queue}]
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name="listed")
    assert events.remove_targets(Rule="listed", Ids=["0", "9"])["FailedEntryCount"] == 1
    events.delete_rule(Name="listed")
    with pytest.raises(ClientError) as missing:
        events.describe_rule(Name="listed")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"
    event = json.dumps({"source": "x"})
    assert events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)["Result"] is True
