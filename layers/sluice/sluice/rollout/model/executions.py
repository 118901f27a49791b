"""Executions of the rollout state machine. Idempotent: a rollout's id is the name of its execution."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice.errors import AwsRefusedError
from sluice.rollout_id import RolloutId


class Executions:
    """Starts and describes executions with Step Functions."""

    def __init__(self, client: Any, state_machine_arn: str) -> None:
        self._client = client
        self.state_machine_arn = state_machine_arn

    def start(self, rollout_id: RolloutId) -> bool:
        """Start the rollout's execution; False if it was started before and has ended."""
        return self._start(str(rollout_id), {"rollout_id": str(rollout_id), "mode": "roll_out"})

    def start_restore(self, rollout_id: RolloutId, attempt: int) -> bool:
        """Start an execution that only rolls back, for a rollout whose own execution failed; False as of ``start``."""
        return self._start(f"{rollout_id}-restore-{attempt}", {"rollout_id": str(rollout_id), "mode": "restore"})

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if there is no such execution."""
        found = self._describe(name)
        return str(found["status"]) if found else None

    def started_at(self, name: str) -> datetime | None:
        """When the execution of this name was started; None if there is none, or it ended more than 90 days ago."""
        found = self._describe(name)
        return found["startDate"] if found else None

    def _describe(self, name: str) -> Mapping[str, Any] | None:
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:", 1)
        try:
            found: Mapping[str, Any] = self._client.describe_execution(executionArn=f"{arn}:{name}")
        except AwsRefusedError as error:
            if error.code == "ExecutionDoesNotExist":
                return None
            raise
        return found

    def _start(self, name: str, payload: dict[str, str]) -> bool:
        try:
            self._client.start_execution(
                stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(payload, sort_keys=True)
            )
        except AwsRefusedError as error:
            # StartExecution succeeds while one with the same name and input runs; this one has ended.
            if error.code == "ExecutionAlreadyExists":
                return False
            raise
        return True
