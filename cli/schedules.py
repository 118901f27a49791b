"""The schedule of a model: one in EventBridge Scheduler if its spec has one, none otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from sluice.aws import code
from sluice.events import TrainRequested
from sluice.spec import ModelSpec, Schedule

from cli.failures import CommandError
from cli.session import CliSession, Stack

RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}


def find_schedule(session: CliSession, stack: Stack, model: str) -> Mapping[str, Any] | None:
    """The model's schedule as it is; None if there is none."""
    if not stack.schedule_group:
        return None
    try:
        found: Mapping[str, Any] = session.clients("scheduler").get_schedule(
            GroupName=stack.schedule_group, Name=session.names.pipeline(model)
        )
    except ClientError as error:
        if code(error) == "ResourceNotFoundException":
            return None
        raise
    return found


def schedule_change(session: CliSession, stack: Stack, spec: ModelSpec) -> tuple[str, Callable[[], object] | None]:
    """``(verdict, what to do)`` for the schedule; an empty verdict if there is none and none is wanted."""
    live = find_schedule(session, stack, spec.name)
    identity = {"GroupName": stack.schedule_group, "Name": session.names.pipeline(spec.name)}
    if spec.schedule is None:
        if live is None:
            return "", None
        return "deleted", lambda: session.clients("scheduler").delete_schedule(**identity)
    if not stack.schedule_group:
        raise CommandError("This stack has no schedules yet: deploy it again.")
    wanted = {**identity, **_settings(stack, spec.name, spec.schedule)}
    if live is None:
        return "created", lambda: session.clients("scheduler").create_schedule(**wanted)
    if all(live.get(name) == value for name, value in wanted.items()):
        return "unchanged", None
    return "changed", lambda: session.clients("scheduler").update_schedule(**wanted)


def _settings(stack: Stack, model: str, schedule: Schedule) -> dict[str, Any]:
    # The scheduled time makes a firing that is delivered twice the same request.
    detail = {"model": model, "request": "schedule-<aws.scheduler.scheduled-time>", "parameters": {}, "again": True}
    body = {"source": "sluice", "detail-type": TrainRequested.KIND, "detail": detail}
    return {
        "ScheduleExpression": schedule.when,
        "ScheduleExpressionTimezone": schedule.timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": stack.upload_queue_arn,
            "RoleArn": stack.schedule_role_arn,
            "Input": json.dumps(body, sort_keys=True),
            "RetryPolicy": RETRIES,
            "DeadLetterConfig": {"Arn": stack.event_dead_letters_arn},
        },
    }
