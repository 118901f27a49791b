"""How each resource type is created, updated and deleted, by the AWS API that CloudFormation calls."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.cloudformation.resources import (
    dynamodb,
    events,
    functions,
    iam,
    operations,
    queues,
    s3,
    state_machines,
    topics,
)
from localaws.services.cloudformation.resources.handler import ResourceHandler

HANDLERS: Mapping[str, ResourceHandler] = {
    **dynamodb.HANDLERS,
    **events.HANDLERS,
    **functions.HANDLERS,
    **iam.HANDLERS,
    **operations.HANDLERS,
    **queues.HANDLERS,
    **s3.HANDLERS,
    **state_machines.HANDLERS,
    **topics.HANDLERS,
}
