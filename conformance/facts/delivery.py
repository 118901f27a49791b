"""What EventBridge, SNS, CloudWatch and Scheduler deliver."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from conformance.account import Account
from conformance.events import add_target, listen, make_queue, make_rule
from conformance.fact import Fact, Observation, confirmed_if, still_open

NAMESPACE = "SluiceVerify"
ODD_KEY = "keys/a b+c%2Bd?e=ü.csv"


def key_is_raw(account: Account) -> Observation:
    """Put an object with every sign that encodings change."""
    bucket = account.bucket()
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    queue = listen(account, "keys", pattern)
    account.client("s3").put_object(Bucket=bucket, Key=ODD_KEY, Body=b"x")
    event = queue.first(lambda body: body["detail"]["object"]["key"].startswith("keys"), is_certain=True)
    if event is None:
        return still_open("no event came")
    key = event["detail"]["object"]["key"]
    encoded = " (as quote_plus encodes it)" if key == quote_plus(ODD_KEY, safe="/") else ""
    return confirmed_if(key == ODD_KEY, f"put {ODD_KEY!r}, the event says {key!r}{encoded}")


def topic_condition_is_refused(account: Account) -> Observation:
    """Have a rule deliver to a topic whose policy lets events.amazonaws.com in under a condition that holds."""
    sns, name = account.client("sns"), account.name("condition")
    topic = sns.create_topic(Name=name)["TopicArn"]
    account.undo(f"topic {name}", lambda: sns.delete_topic(TopicArn=topic))
    heard = make_queue(account, "heard", "sns.amazonaws.com")
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=heard.arn, ReturnSubscriptionArn=True)
    arn = subscription["SubscriptionArn"]
    account.undo(f"subscription of topic {name}", lambda: sns.unsubscribe(SubscriptionArn=arn))
    dead = make_queue(account, "undelivered", "events.amazonaws.com")
    rule = make_rule(account, "condition", {"source": [account.name("test")]})
    rule_arn = f"arn:aws:events:{account.region}:{account.number()}:rule/{rule}"
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    add_target(account, rule, {"Id": "topic", "Arn": topic, "DeadLetterConfig": {"Arn": dead.arn}})
    account.sleep(account.pace.new_role_seconds)
    entry = {"Source": account.name("test"), "DetailType": "test", "Detail": "{}"}
    account.client("events").put_events(Entries=[entry])

    def outcome() -> Observation | None:
        if heard.first_now() is not None:
            return confirmed_if(False, "the event was delivered in spite of the condition")
        if (lost := dead.first_now()) is not None:
            code = lost["__attributes__"].get("ERROR_CODE", "?")
            return confirmed_if(code == "NO_PERMISSIONS", f"the event went to the dead letters with {code}")
        return None

    return account.eventually(outcome) or still_open("neither the topic nor the dead letters got the event")


def alarm_event_without_actions(account: Account) -> Observation:
    """Have an alarm whose actions are off change its state."""
    cloudwatch, name = account.client("cloudwatch"), account.name("alarm")
    account.undo(f"alarm {name}", lambda: cloudwatch.delete_alarms(AlarmNames=[name]))
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [name]}}
    queue = listen(account, "alarm", pattern)
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        ActionsEnabled=False,
        Namespace=NAMESPACE,
        MetricName="none",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="conformance")
    event = queue.first(lambda body: body["detail"]["state"]["value"] == "ALARM")
    return confirmed_if(event is not None, "an event came" if event else "no event came")


FACTS = (
    Fact(
        name="object-key-is-raw",
        statement="The key in S3's event of EventBridge is the object's own, not URL-encoded.",
        matters="start_pipeline reads the key as it is.",
        check=key_is_raw,
    ),
    Fact(
        name="no-condition-on-topic",
        statement="EventBridge does not deliver to an SNS topic whose policy lets it in under a Condition.",
        matters="The notify topic's policy has none for EventBridge.",
        check=topic_condition_is_refused,
    ),
    Fact(
        name="alarm-event-without-actions",
        statement="An alarm sends its event to EventBridge when its actions are off, too.",
        matters="Nothing: Sluice's alarms have their actions on. A person may turn them off.",
        check=alarm_event_without_actions,
    ),
)
