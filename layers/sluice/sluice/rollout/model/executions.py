"""Executions of the rollout state machine. A rollout's id is its execution's name, so starting twice is once."""

from __future__ import annotations

import json
from typing import Any

from sluice.errors import AwsRefusedError
from sluice.rollout_id import RolloutId


class Executions:
    """What Sluice asks of Step Functions."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self.state_machine_arn = state_machine_arn

    def start(self, rollout_id: RolloutId) -> bool:
        """Start the rollout; False if it was started before."""
        return self._start(str(rollout_id), {"rollout_id": str(rollout_id), "mode": "roll_out"})

    def start_restore(self, rollout_id: RolloutId, attempt: int) -> bool:
        """Start an execution that only restores, for a rollout whose own execution is gone."""
        return self._start(f"{rollout_id}-restore-{attempt}", {"rollout_id": str(rollout_id), "mode": "restore"})

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if there is no such execution."""
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:", 1)
        try:
            return str(self._client.describe_execution(executionArn=f"{arn}:{name}")["status"])
        except AwsRefusedError as error:
            if error.code == "ExecutionDoesNotExist":
                return None
            raise

    def _start(self, name: str, payload: dict[str, str]) -> bool:
        try:
            self._client.start_execution(
                stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(payload, sort_keys=True)
            )
        except AwsRefusedError as error:
            # While it runs with the same input, StartExecution succeeds; this is one that has ended.
            if error.code == "ExecutionAlreadyExists":
                return False
            raise
        return True
