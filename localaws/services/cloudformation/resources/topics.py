"""Topics, their policies and subscriptions.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes, tag_list

# What an attribute is when a template does not have it (SNS API reference). An empty text removes it.
_TOPIC_DEFAULTS: Mapping[str, Any] = {
    "ContentBasedDeduplication": "false",
    "DisplayName": "",
    "FifoThroughputScope": "Topic",
    "FifoTopic": None,  # cannot be changed
    "KmsMasterKeyId": "",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}
_SUBSCRIPTION_DEFAULTS: Mapping[str, Any] = {
    "FilterPolicyScope": "MessageAttributes",  # first: it decides how the filter policy is read
    "DeliveryPolicy": "",
    "FilterPolicy": "",
    "RawMessageDelivery": "false",
    "RedrivePolicy": "",
    "SubscriptionRoleArn": "",
}


def create_topic(creation: Creation) -> Made:
    name = creation.name_from("TopicName", longest=256)
    subscriptions = creation.take("Subscription", [])
    creation.refuse_existing(name, "sns", "GetTopicAttributes", {"TopicArn": creation.arn("sns", name)})
    attributes = creation.text_attributes(_TOPIC_DEFAULTS) or None
    params = {"Name": name, "Tags": creation.tags(), "Attributes": attributes}
    arn = creation.call("sns", "CreateTopic", params)["TopicArn"]
    creation.exists_as(arn)
    for subscription in subscriptions:
        creation.call("sns", "Subscribe", {"TopicArn": arn, **subscription})
    return Made(physical_id=arn, attributes={"TopicArn": arn, "TopicName": name})


def update_topic(creation: Creation, deployed: DeployedResource) -> Made:
    arn = deployed.physical_id
    for name, value in creation.changed_attributes(deployed, _TOPIC_DEFAULTS).items():
        params = {"TopicArn": arn, "AttributeName": name, "AttributeValue": value}
        creation.call("sns", "SetTopicAttributes", params)
    _update_own_subscriptions(creation, deployed)
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("sns", "TagResource", {"ResourceArn": arn, "Tags": tag_list(tags)})
    if gone:
        creation.call("sns", "UntagResource", {"ResourceArn": arn, "TagKeys": gone})
    return made_before(deployed)


def _update_own_subscriptions(creation: Creation, deployed: DeployedResource) -> None:
    """Those written into the topic itself."""
    arn = deployed.physical_id
    before, after = deployed.properties.get("Subscription", []), creation.take("Subscription", [])
    for subscription in after:
        if subscription not in before:
            creation.call("sns", "Subscribe", {"TopicArn": arn, **subscription})
    gone = [(one["Protocol"], one["Endpoint"]) for one in before if one not in after]
    if gone:
        found = creation.call("sns", "ListSubscriptionsByTopic", {"TopicArn": arn})["Subscriptions"]
        for one in found:
            if (one["Protocol"], one["Endpoint"]) in gone:
                creation.call("sns", "Unsubscribe", {"SubscriptionArn": one["SubscriptionArn"]})


def delete_topic(creation: Creation, deployed: DeployedResource) -> None:
    """With its subscriptions. Deleting a topic that is gone succeeds."""
    creation.call("sns", "DeleteTopic", {"TopicArn": deployed.physical_id})


def create_topic_policy(creation: Creation) -> Made:
    policy = document(creation.need("PolicyDocument"))
    for arn in creation.need("Topics"):
        creation.call("sns", "SetTopicAttributes", _policy_of(arn, policy))
    return Made(physical_id=creation.generated_id())


def update_topic_policy(creation: Creation, deployed: DeployedResource) -> Made:
    create_topic_policy(creation)
    for arn in deployed.properties["Topics"]:
        if arn not in creation.need("Topics"):
            _reset_policy(creation, arn)
    return made_before(deployed)


def delete_topic_policy(creation: Creation, deployed: DeployedResource) -> None:
    """Gives the topics the policy that a new one has: a topic always has one.

    So does AWS's handler (github.com/aws-cloudformation/aws-cloudformation-resource-providers-sns).
    """
    for arn in deployed.properties["Topics"]:
        _reset_policy(creation, arn)


def _reset_policy(creation: Creation, arn: str) -> None:
    params = _policy_of(arn, default_topic_policy(arn))
    creation.call_unless_gone("sns", "SetTopicAttributes", params)


def _policy_of(arn: str, policy: str | None) -> dict[str, Any]:
    return {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": policy}


def default_topic_policy(arn: str) -> str:
    """What SNS gives a new topic: its own account may do everything."""
    actions = (
        "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe"
        " ListSubscriptionsByTopic Publish"
    )
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions.split()],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def create_subscription(creation: Creation) -> Made:
    params = {
        "TopicArn": creation.need("TopicArn"),
        "Protocol": creation.need("Protocol"),
        "Endpoint": creation.take("Endpoint"),
        "Attributes": creation.text_attributes(_SUBSCRIPTION_DEFAULTS),
        "ReturnSubscriptionArn": True,
    }
    arn = creation.call("sns", "Subscribe", params)["SubscriptionArn"]
    return Made(physical_id=arn, attributes={"Arn": arn})


def update_subscription(creation: Creation, deployed: DeployedResource) -> Made:
    for name, value in creation.changed_attributes(deployed, _SUBSCRIPTION_DEFAULTS).items():
        params = {"SubscriptionArn": deployed.physical_id, "AttributeName": name, "AttributeValue": value}
        creation.call("sns", "SetSubscriptionAttributes", params)
    return made_before(deployed)


def delete_subscription(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("sns", "Unsubscribe", {"SubscriptionArn": deployed.physical_id})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SNS::Topic": handler(create_topic, update_topic, delete_topic, replaced_by=("FifoTopic", "TopicName")),
    "AWS::SNS::TopicPolicy": handler(create_topic_policy, update_topic_policy, delete_topic_policy),
    "AWS::SNS::Subscription": handler(
        create_subscription,
        update_subscription,
        delete_subscription,
        replaced_by=("Endpoint", "Protocol", "TopicArn"),
    ),
}
