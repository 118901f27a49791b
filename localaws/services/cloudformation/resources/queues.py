"""Queues and their policies.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes

# What an attribute is when a template does not have it (SQS API reference, SetQueueAttributes); empty: none at all.
_DEFAULTS: Mapping[str, Any] = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": 0,
    "FifoQueue": None,  # cannot be changed
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": 300,
    "KmsMasterKeyId": "",
    "MaximumMessageSize": 1_048_576,
    "MessageRetentionPeriod": 345_600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": True,
    "VisibilityTimeout": 30,
}


def create_queue(creation: Creation) -> Made:
    name = creation.name_from("QueueName", longest=80)
    creation.refuse_existing(name, "sqs", "GetQueueUrl", {"QueueName": name})
    params = {
        "QueueName": name,
        "Attributes": creation.text_attributes(_DEFAULTS),
        "tags": creation.tag_map(),
    }
    url = creation.call("sqs", "CreateQueue", params)["QueueUrl"]
    arn = creation.arn("sqs", name)
    return Made(physical_id=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})


def update_queue(creation: Creation, deployed: DeployedResource) -> Made:
    """Only what changed is set; an attribute removed from the template returns to its default."""
    url = deployed.physical_id
    changed = creation.changed_attributes(deployed, _DEFAULTS)
    if changed:
        creation.call("sqs", "SetQueueAttributes", {"QueueUrl": url, "Attributes": changed})
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("sqs", "TagQueue", {"QueueUrl": url, "Tags": tags})
    if gone:
        creation.call("sqs", "UntagQueue", {"QueueUrl": url, "TagKeys": gone})
    return made_before(deployed)


def delete_queue(creation: Creation, deployed: DeployedResource) -> None:
    creation.call_unless_gone("sqs", "DeleteQueue", {"QueueUrl": deployed.physical_id})


def create_queue_policy(creation: Creation) -> Made:
    policy = document(creation.need("PolicyDocument"))
    for url in creation.need("Queues"):
        creation.call("sqs", "SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": policy}})
    return Made(physical_id=creation.generated_id())


def update_queue_policy(creation: Creation, deployed: DeployedResource) -> Made:
    """A queue that is no longer named is left without a policy."""
    create_queue_policy(creation)
    for url in deployed.properties["Queues"]:
        if url not in creation.need("Queues"):
            _remove_policy(creation, url)
    return made_before(deployed)


def delete_queue_policy(creation: Creation, deployed: DeployedResource) -> None:
    """Leaves the queues without a policy: one that was there before is not restored."""
    for url in deployed.properties["Queues"]:
        _remove_policy(creation, url)


def _remove_policy(creation: Creation, url: str) -> None:
    params = {"QueueUrl": url, "Attributes": {"Policy": ""}}
    creation.call_unless_gone("sqs", "SetQueueAttributes", params)


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::SQS::Queue": handler(create_queue, update_queue, delete_queue, replaced_by=("FifoQueue", "QueueName")),
    "AWS::SQS::QueuePolicy": handler(create_queue_policy, update_queue_policy, delete_queue_policy),
}
