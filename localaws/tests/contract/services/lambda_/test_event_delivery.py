"""EventBridge delivers to targets that admit it, tries again, and leaves the rest to dead-letter queues."""

from __future__ import annotations

import json
from typing import Any

from localaws.tests.contract.services.lambda_.account import ACCOUNT, RULE_ARN, Account, attributes, eventually

FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
MAY_START = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
MAY_SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
ECHO = "def handler(event, context): return event"


def state_machine(account: Account, name: str, role: str) -> str:
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    states = account.client("stepfunctions")
    made = states.create_state_machine(name=name, definition=definition, roleArn=role)
    return str(made["stateMachineArn"])


def test_a_rule_invokes_a_function_that_permits_it(account: Account) -> None:
    results, queue = account.queue("invoked-results")
    arn = account.function("invoked", ECHO, MAY_SEND)
    account.client("lambda").put_function_event_invoke_config(
        FunctionName="invoked", DestinationConfig={"OnSuccess": {"Destination": queue}}
    )
    account.permit("invoked", "to-function")
    account.rule("to-function", {"source": ["permitted"]}, {"Arn": arn, "InputPath": "$.detail"})
    event_id = account.put("permitted", n=1)
    record = json.loads(account.message(results)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"n": 1}
    (delivery,) = [one for one in account.bus.deliveries() if one.event_id == event_id]
    assert (delivery.rule, delivery.target, delivery.attempts) == ("to-function", arn, 1)
    assert delivery.delivered_at is not None
    assert delivery.delivered_at >= delivery.matched_at


def test_a_function_that_does_not_permit_the_rule_leaves_the_event_to_the_dead_letter_queue(
    account: Account,
) -> None:
    url, queue = account.queue("forbidden-dlq")
    arn = account.function("forbidden", ECHO)
    account.permit("forbidden", "some-other-rule")
    target = {"Arn": arn, "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("forbidding", {"source": ["forbidden"]}, target))
    event_id = account.put("forbidden", n=1)
    message = account.message(url)
    assert json.loads(message["Body"])["id"] == event_id
    found = attributes(message)
    assert (found["RULE_ARN"], found["TARGET_ARN"]) == (RULE_ARN + "forbidding", arn)
    assert (found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in found


def test_a_missing_target_is_not_retried_either(account: Account) -> None:
    url, queue = account.queue("missing-dlq")
    target = {"Arn": FUNCTION_ARN + "no-such-function", "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("missing", {"source": ["missing"]}, target))
    account.put("missing")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_RESOURCE"


def test_a_queue_without_a_policy_for_the_rule_gets_nothing(account: Account) -> None:
    _, closed = account.queue("closed-queue")
    url, queue = account.queue("closed-dlq")
    target = {"Arn": closed, "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("closed", {"source": ["closed"]}, target))
    account.put("closed")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_throttled_target_is_tried_again_until_its_policy_ends(account: Account) -> None:
    role = account.role("throttled", MAY_START)
    machine = state_machine(account, "throttled", role)
    url, queue = account.queue("throttled-dlq")
    retry = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    target = {"Arn": machine, "RoleArn": role, "DeadLetterConfig": {"Arn": queue}, "RetryPolicy": retry}
    account.admit(url, queue, account.rule("throttling", {"source": ["throttled"]}, target))
    account.aws.faults.add("stepfunctions", "StartExecution", times=2, role="throttled")
    arrives = account.put("throttled")
    executions = account.client("stepfunctions").list_executions
    eventually(lambda: executions(stateMachineArn=machine)["executions"], "the execution")
    fault = account.aws.faults.add("stepfunctions", "StartExecution", times=9, role="throttled")
    account.put("throttled")
    found = attributes(account.message(url))
    account.aws.faults.clear()
    assert (found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == ("THROTTLING", "2")
    assert found["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert fault.left == 9 - 3
    assert [one.attempts for one in account.bus.deliveries() if one.event_id == arrives] == [3]


def test_a_topic_and_a_log_group_receive_events(account: Account) -> None:
    sns, logs = account.client("sns"), account.client("logs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    url, queue = account.queue("notices")
    account.admit(url, queue, topic, service="sns")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    logs.create_log_group(logGroupName="/aws/events/notices")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/notices"
    writing = {**statement, "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{group}:*"}
    written = json.dumps({"Version": "2012-10-17", "Statement": [writing]})
    logs.put_resource_policy(policyName="events", policyDocument=written)
    account.rule("notices", {"source": ["noticed"]}, {"Arn": topic, "Input": '"hello"'}, {"Arn": group})
    event_id = account.put("noticed")
    assert account.message(url)["Body"] == '"hello"'

    def logged() -> Any:
        return logs.filter_log_events(logGroupName="/aws/events/notices")["events"]

    (line,) = eventually(logged, "the log line")
    assert json.loads(line["message"])["id"] == event_id


def test_a_topic_whose_policy_has_a_condition_receives_no_events(account: Account) -> None:
    sns = account.client("sns")
    topic = sns.create_topic(Name="guarded")["TopicArn"]
    url, queue = account.queue("guarded-dlq")
    rule = account.rule("guarded", {"source": ["guarded"]}, {"Arn": topic, "DeadLetterConfig": {"Arn": queue}})
    account.admit(url, queue, rule)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    account.put("guarded")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_log_group_without_a_resource_policy_receives_no_events(account: Account) -> None:
    account.client("logs").create_log_group(logGroupName="/aws/events/closed")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/closed"
    url, queue = account.queue("closed-dlq")
    target = {"Arn": group, "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("closed", {"source": ["closed"]}, target))
    account.put("closed")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_queue_that_does_not_admit_a_topic_receives_nothing(account: Account) -> None:
    """What it was sent waits in the dead-letter queue of the subscription, if that admits the topic."""
    sns = account.client("sns")
    topic = sns.create_topic(Name="shouting")["TopicArn"]
    (deaf_url, deaf), (url, queue), (lost_url, lost) = (account.queue(f"shouted-{one}") for one in ("x", "y", "lost"))
    raw = {"RawMessageDelivery": "true"}
    redrive = json.dumps({"deadLetterTargetArn": lost})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=deaf, Attributes={**raw, "RedrivePolicy": redrive})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    account.admit(url, queue, topic, service="sns")
    account.admit(deaf_url, deaf, topic.replace("shouting", "other"), service="sns")
    account.admit(lost_url, lost, topic, service="sns")
    sns.publish(TopicArn=topic, Message="hello")
    assert [account.message(one)["Body"] for one in (url, lost_url)] == ["hello", "hello"]
    assert account.is_empty(deaf_url)
    assert account.metric("NumberOfNotificationsFailed", TopicName="shouting") == 1


def test_a_rule_starts_an_execution_under_its_role(account: Account) -> None:
    states = account.client("stepfunctions")
    role, powerless = account.role("starter", MAY_START), account.role("powerless")
    machine = state_machine(account, "started", role)
    url, queue = account.queue("execution-dlq")
    targets: list[dict[str, Any]] = [
        {"Arn": machine, "RoleArn": role, "InputPath": "$.detail"},
        {"Arn": machine, "RoleArn": powerless, "DeadLetterConfig": {"Arn": queue}},
    ]
    account.admit(url, queue, account.rule("starting", {"source": ["started"]}, *targets))
    event_id = account.put("started", n=1)

    def executions() -> Any:
        return states.list_executions(stateMachineArn=machine)["executions"]

    (execution,) = eventually(executions, "the execution")
    assert execution["name"].startswith(event_id)
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"n": 1}
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"
