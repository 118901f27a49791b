"""Queues, topics, rules and schedules are created, updated and deleted."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.contract.services.cloudformation.resources.bench import Bench, error_code, policy


def test_a_rule_gains_changes_and_loses_targets(bench: Bench) -> None:
    events, queue = bench.client("events"), bench.arn("sqs", "inbox")
    rule = bench.create(
        "AWS::Events::Rule",
        Description="Before",
        EventPattern={"source": ["a"]},
        Targets=[{"Id": "one", "Arn": queue}, {"Id": "two", "Arn": queue}],
        Tags=[{"Key": "a", "Value": "1"}],
    )
    changed = bench.update(
        rule,
        Description=None,
        EventPattern={"source": ["b"]},
        State="DISABLED",
        Targets=[{"Id": "two", "Arn": queue, "Input": "{}"}, {"Id": "three", "Arn": queue}],
        Tags=[{"Key": "b", "Value": "2"}],
    )
    shown = events.describe_rule(Name=rule.physical_id)
    assert (shown["EventPattern"], shown["State"]) == ('{"source": ["b"]}', "DISABLED")
    assert "Description" not in shown
    targets = events.list_targets_by_rule(Rule=rule.physical_id)["Targets"]
    assert {one["Id"]: one.get("Input") for one in targets} == {"two": "{}", "three": None}
    tags = events.list_tags_for_resource(ResourceARN=rule.attributes["Arn"])["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    with pytest.raises(PropertyError, match="property EventBusName: a rule cannot be moved"):
        bench.update(changed, EventBusName="other")
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        events.describe_rule(Name=rule.physical_id)
    assert error_code(refused) == "ResourceNotFoundException"


def test_a_schedule_and_its_group_are_changed_in_place(bench: Bench) -> None:
    scheduler = bench.client("scheduler")
    role = bench.role("Scheduling", "scheduler", "sqs:SendMessage").attributes["Arn"]
    group = bench.create("AWS::Scheduler::ScheduleGroup", "Group", Tags=[{"Key": "a", "Value": "1"}])
    group = bench.update(group, Tags=[{"Key": "b", "Value": "2"}])
    tags = scheduler.list_tags_for_resource(ResourceArn=group.attributes["Arn"])["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    schedule = bench.create(
        "AWS::Scheduler::Schedule",
        GroupName=group.physical_id,
        ScheduleExpression="rate(1 day)",
        Description="Daily",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": bench.arn("sqs", "inbox"), "RoleArn": role},
    )
    schedule = bench.update(schedule, ScheduleExpression="rate(2 days)", Description=None)
    shown = scheduler.get_schedule(GroupName=group.physical_id, Name=schedule.physical_id)
    assert shown["ScheduleExpression"] == "rate(2 days)"
    assert "Description" not in shown
    with pytest.raises(PropertyError, match="property GroupName: a schedule cannot be moved"):
        bench.update(schedule, GroupName="other")
    bench.delete(schedule)
    bench.delete(group)
    assert group.physical_id not in [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]


def test_a_queue_and_its_policy_return_to_their_defaults(bench: Bench) -> None:
    lost = bench.create("AWS::SQS::Queue", "Lost").attributes["Arn"]
    queue = bench.create(
        "AWS::SQS::Queue",
        "Orders",
        VisibilityTimeout=60,
        MessageRetentionPeriod=1209600,
        RedrivePolicy={"deadLetterTargetArn": lost, "maxReceiveCount": 3},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    url, send = queue.physical_id, {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}
    admission = policy({**send, "Resource": queue.attributes["Arn"]})
    admitted = bench.create("AWS::SQS::QueuePolicy", Queues=[url], PolicyDocument=admission)
    changed = bench.update(queue, VisibilityTimeout=90, MessageRetentionPeriod=None, RedrivePolicy=None, Tags=None)
    attributes = bench.queue_attributes(url)
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"]) == ("90", "345600")
    assert "RedrivePolicy" not in attributes
    assert json.loads(attributes["Policy"]) == admission, "other attributes are left as they are"
    assert not bench.client("sqs").list_queue_tags(QueueUrl=url).get("Tags")
    other = bench.create("AWS::SQS::Queue", "Others").physical_id
    moved = bench.update(admitted, Queues=[other])
    assert "Policy" not in bench.queue_attributes(url)
    bench.delete(moved)
    assert "Policy" not in bench.queue_attributes(other)
    bench.delete(changed)
    with pytest.raises(ClientError, match="does not exist"):
        bench.queue_attributes(url)


def test_a_topic_its_policy_and_its_subscription_return_to_their_defaults(bench: Bench) -> None:
    sns = bench.client("sns")
    queue = bench.arn("sqs", "pager")
    topic = bench.create(
        "AWS::SNS::Topic",
        "News",
        DisplayName="News",
        Subscription=[{"Protocol": "sqs", "Endpoint": queue}],
        Tags=[{"Key": "a", "Value": "1"}],
    )
    arn = topic.physical_id
    before = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    publishing = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    open_to_events = policy({**publishing, "Resource": arn})
    rights = bench.create("AWS::SNS::TopicPolicy", Topics=[arn], PolicyDocument=open_to_events)
    other = bench.arn("sqs", "other")
    subscription = bench.create(
        "AWS::SNS::Subscription",
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=other,
        RawMessageDelivery=True,
        FilterPolicy={"kind": ["good"]},
        FilterPolicyScope="MessageBody",
    )
    bare = bench.update(subscription, RawMessageDelivery=None, FilterPolicy=None, FilterPolicyScope=None)
    shown = sns.get_subscription_attributes(SubscriptionArn=bare.physical_id)["Attributes"]
    assert (shown["RawMessageDelivery"], shown.get("FilterPolicy", "")) == ("false", "")
    changed = bench.update(topic, DisplayName=None, Subscription=None, Tags=[{"Key": "b", "Value": "2"}])
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == ""
    endpoints = [one["Endpoint"] for one in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]]
    assert endpoints == [other]
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    bench.delete(rights)
    after = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert after == before, "a topic without a policy of its own has the one that a new topic has"
    bench.delete(bare)
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        sns.get_topic_attributes(TopicArn=arn)
    assert error_code(refused) == "NotFound"
