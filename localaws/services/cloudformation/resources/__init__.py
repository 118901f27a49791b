"""How each resource type is made: one function per type, calling the AWS API that CloudFormation calls."""

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
from localaws.services.cloudformation.resources.creation import Maker

MAKERS: Mapping[str, Maker] = {
    **dynamodb.MAKERS,
    **functions.MAKERS,
    **iam.MAKERS,
    **messaging.MAKERS,
    **operations.MAKERS,
    **orchestration.MAKERS,
    **s3.MAKERS,
}
