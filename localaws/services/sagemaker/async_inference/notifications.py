"""What asynchronous endpoints publish to their topics, under the model's role."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.sagemaker.async_inference.request import TEST_NOTIFICATION, AsyncSettings
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint


class NotificationError(Exception):
    """A topic cannot be published to; the text is for the endpoint's FailureReason."""


def try_topics(context: Context, endpoint: Endpoint) -> None:
    """Publish the TestNotification that every creation, update and rescaling sends; raises NotificationError.

    Nothing for an endpoint that is not asynchronous.
    """
    goal = endpoint.pending or endpoint
    settings = AsyncSettings.of(goal.config.request)
    if settings is None:
        return
    role_arn = goal.variants[0].blueprint.container.role_arn
    for topic in settings.topics:
        publish(context, role_arn, topic, TEST_NOTIFICATION)


def publish(context: Context, role_arn: str, topic: str, message: str) -> None:
    """Raises NotificationError."""
    try:
        context.client("sns", role_arn).publish(TopicArn=topic, Message=message)
    except (ClientError, BotoCoreError) as error:
        raise NotificationError(
            f"Unable to publish to SNS topic {topic}. Please ensure that the topic exists and that the role "
            f"{role_arn} has the permission sns:Publish on it. ({error})"
        ) from error
