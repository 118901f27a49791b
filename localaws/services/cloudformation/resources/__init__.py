"""How each resource type is created, updated and deleted, by the AWS API that CloudFormation calls."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.cloudformation.resources import (
    dynamodb,
    functions,
    iam,
    messaging,
    operations,
    orchestration,
    s3,
)
from localaws.services.cloudformation.resources.handler import ResourceHandler

HANDLERS: Mapping[str, ResourceHandler] = {
    **dynamodb.HANDLERS,
    **functions.HANDLERS,
    **iam.HANDLERS,
    **messaging.HANDLERS,
    **operations.HANDLERS,
    **orchestration.HANDLERS,
    **s3.HANDLERS,
}
