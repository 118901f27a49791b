"""Queues, topics and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made

_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_TOPIC_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)
_SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


def _attributes(creation: Creation, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the properties that the API takes as text attributes; maps become JSON."""
    given = {name: creation.take(name) for name in names}
    return {
        name: document(value) if isinstance(value, dict) else value
        for name, value in given.items()
        if value is not None
    }


def make_queue(creation: Creation) -> Made:
    name = creation.name_from("QueueName", longest=80)
    params = {
        "QueueName": name,
        "Attributes": _attributes(creation, _QUEUE_ATTRIBUTES),
        "tags": creation.tag_map(),
    }
    url = creation.call("sqs", "CreateQueue", params)["QueueUrl"]
    arn = creation.arn("sqs", name)
    return Made(physical_id=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})


def make_queue_policy(creation: Creation) -> Made:
    policy = document(creation.need("PolicyDocument"))
    for url in creation.need("Queues"):
        creation.call("sqs", "SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": policy}})
    return Made(physical_id=creation.logical_id)


def make_topic(creation: Creation) -> Made:
    name = creation.name_from("TopicName", longest=256)
    subscriptions = creation.take("Subscription", [])
    attributes = _attributes(creation, _TOPIC_ATTRIBUTES) or None
    params = {"Name": name, "Tags": creation.tags(), "Attributes": attributes}
    arn = creation.call("sns", "CreateTopic", params)["TopicArn"]
    for subscription in subscriptions:
        creation.call("sns", "Subscribe", {"TopicArn": arn, **subscription})
    return Made(physical_id=arn, attributes={"TopicArn": arn, "TopicName": name})


def make_topic_policy(creation: Creation) -> Made:
    policy = document(creation.need("PolicyDocument"))
    for arn in creation.need("Topics"):
        params = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": policy}
        creation.call("sns", "SetTopicAttributes", params)
    return Made(physical_id=creation.logical_id)


def make_subscription(creation: Creation) -> Made:
    params = {
        "TopicArn": creation.need("TopicArn"),
        "Protocol": creation.need("Protocol"),
        "Endpoint": creation.take("Endpoint"),
        "Attributes": _attributes(creation, _SUBSCRIPTION_ATTRIBUTES) or None,
        "ReturnSubscriptionArn": True,
    }
    arn = creation.call("sns", "Subscribe", params)["SubscriptionArn"]
    return Made(physical_id=arn, attributes={"Arn": arn})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SQS::Queue": handler(make_queue, not_yet, not_yet_deleted),
    "AWS::SQS::QueuePolicy": handler(make_queue_policy, not_yet, not_yet_deleted),
    "AWS::SNS::Topic": handler(make_topic, not_yet, not_yet_deleted),
    "AWS::SNS::TopicPolicy": handler(make_topic_policy, not_yet, not_yet_deleted),
    "AWS::SNS::Subscription": handler(make_subscription, not_yet, not_yet_deleted),
}
