"""SNS delivers to a queue only what the queue's policy lets it send, which moto does not ask.

"Subscribing an Amazon SQS queue to an Amazon SNS topic" of the SNS developer guide: the queue's policy must allow
``sqs:SendMessage`` to ``sns.amazonaws.com``. A refusal is a client-side error, which is not retried: the message goes
to the dead-letter queue of the subscription or is lost ("Amazon SNS message delivery retries", same guide). The
publisher is told of none of it.
"""

from __future__ import annotations

import copy
import json
import logging
import threading
from typing import Any

from localaws.context import Context
from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy

log = logging.getLogger(__name__)

_SNS = frozenset({"Service:sns.amazonaws.com"})


def ask_policies_of_queues(context: Context, queues: threading.RLock) -> None:
    """Have moto's subscriptions of queues go by the queues' policies. ``queues`` guards moto's SQS."""
    from moto.sns.models import Subscription

    publish = getattr(Subscription, "_moto_publish", Subscription.publish)

    def publish_if_admitted(self: Any, message: str, message_id: str, **others: Any) -> None:
        if self.protocol != "sqs" or not _wants(self, message, others.get("message_attributes")):
            publish(self, message, message_id, **others)
            return
        with queues:
            receiver = next((one for one in _receivers(self) if _admits(one)), None)
            if receiver is not None:
                publish(receiver, message, message_id, **others)
        if receiver is not self:
            log.warning(
                "SNS could not deliver from %s to %s: no such queue, or not admitted", self.topic.arn, self.endpoint
            )
            topic = {"TopicName": self.topic.name}
            context.metrics.record("AWS/SNS", "NumberOfNotificationsFailed", topic, 1.0, unit="Count")

    Subscription._moto_publish = publish
    Subscription.publish = publish_if_admitted


def _wants(subscription: Any, message: str, attributes: Any) -> bool:
    """Whether the filter policy lets the message through."""
    matcher = subscription._filter_policy_matcher
    return matcher is None or bool(matcher.matches(attributes, message))


def _receivers(subscription: Any) -> list[Any]:
    """The subscription, and itself as if its dead-letter queue was subscribed."""
    redrive = subscription.attributes.get("RedrivePolicy")
    if not redrive:
        return [subscription]
    dead_letters = copy.copy(subscription)
    dead_letters.endpoint = json.loads(redrive)["deadLetterTargetArn"]
    return [subscription, dead_letters]


def _admits(subscription: Any) -> bool:
    """Whether the queue exists and its policy lets SNS send to it for this topic."""
    from moto.sqs.models import sqs_backends

    arn = subscription.endpoint
    queue = sqs_backends[subscription.account_id][arn.split(":")[3]].queues.get(arn.split(":")[-1])
    if queue is None:
        return False
    request = AccessRequest(
        action="sqs:SendMessage",
        resource=arn,
        context={
            "aws:SourceArn": subscription.topic.arn,
            "aws:SourceAccount": subscription.account_id,
            "aws:SecureTransport": "true",
        },
        principals=_SNS,
    )
    return decide(parse_policy(queue.policy or "{}"), request) is Decision.ALLOWED
