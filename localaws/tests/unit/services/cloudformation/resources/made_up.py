"""Resources that exist in no AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.stack import DeployedResource

KIND = "AWS::SQS::Queue"


def a_creation(**properties: Any) -> Creation:
    def no_client(service: str) -> Any:
        raise AssertionError(f"{service} is not to be called")

    return Creation(
        stack="shop-dev",
        logical_id="Inbox",
        type=KIND,
        account="123456789012",
        region="us-east-1",
        properties=properties,
        client=no_client,
    )


def a_deployed(**properties: Any) -> DeployedResource:
    return DeployedResource(
        logical_id="Inbox",
        type=KIND,
        physical_id="inbox",
        attributes={},
        properties=properties,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        duration_seconds=0.0,
    )
