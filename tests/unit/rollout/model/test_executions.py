"""Executions of the rollout state machine are started once under their name, held to botocore's model."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.stub import Stubber
from sluice.errors import ThrottledError
from sluice.rollout.model.executions import Executions
from sluice.rollout_id import RolloutId

from tests.builders.aws_clients import translating

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


def test_an_execution_that_has_ended_is_not_started_again() -> None:
    session = botocore.session.Session()
    client = session.create_client(
        "stepfunctions", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    stub = Stubber(client)
    stub.activate()
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-rollout"
    rollout = RolloutId(model="fraud", version=7, attempt=1)
    expected = {
        "stateMachineArn": arn,
        "name": "fraud-7-1-restore-2",
        "input": json.dumps({"mode": "restore", "rollout_id": "fraud-7-1"}),
    }
    stub.add_response("start_execution", {"executionArn": "e", "startDate": T0}, expected)
    stub.add_client_error("start_execution", "ExecutionAlreadyExists")
    stub.add_client_error("start_execution", "ThrottlingException")
    stub.add_response(
        "describe_execution",
        {"executionArn": "e", "stateMachineArn": arn, "status": "SUCCEEDED", "startDate": T0},
        {"executionArn": f"{arn.replace(':stateMachine:', ':execution:')}:{rollout}"},
    )
    stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    executions = Executions(translating(client), arn)
    assert executions.start_restore(rollout, 2)
    assert not executions.start(rollout)
    with pytest.raises(ThrottledError):
        executions.start(rollout)
    assert executions.started_at(str(rollout)) == T0
    assert executions.started_at("fraud-9-9") is None
    stub.assert_no_pending_responses()
