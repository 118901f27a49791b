"""The schedules of a model: in EventBridge Scheduler for each that its spec has, none otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.batch.events import BatchRequested
from sluice.errors import AwsRefusedError
from sluice.events import TrainRequested
from sluice.spec.model import ModelSpec, Schedule
from sluice.spec.serving_modes import BATCH

from cli.failures import CommandError
from cli.session import CliSession, Stack

RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Makes a firing that is delivered twice the same request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSchedule:
    """One schedule that a model may have; ``when`` is None if its spec has none now."""

    what: str
    name: str
    when: Schedule | None
    target_arn: str
    role_arn: str
    input: Mapping[str, object]


def wanted_schedules(session: CliSession, stack: Stack, spec: ModelSpec) -> Iterator[WantedSchedule]:
    """For training, and for batch runs."""
    model = spec.name
    training = {"model": model, "request": f"schedule-{SCHEDULED_TIME}", "parameters": {}, "again": True}
    yield WantedSchedule(
        what="schedule",
        name=session.names.pipeline(model),
        when=spec.schedule,
        target_arn=stack.upload_queue_arn,
        role_arn=stack.schedule_role_arn,
        input={"source": "sluice", "detail-type": TrainRequested.KIND, "detail": training},
    )
    batch = {"stage": session.names.stage, "model": model, "request": "schedule", "at": SCHEDULED_TIME, "input": ""}
    yield WantedSchedule(
        what="batch schedule",
        name=session.names.batch_schedule(model),
        when=spec.endpoint.batch.schedule if spec.endpoint.type == BATCH else None,
        target_arn=stack.start_batch_arn,
        role_arn=stack.batch_schedule_role_arn,
        input={"source": "sluice", "detail-type": BatchRequested.KIND, "detail": batch},
    )


def schedule_change(
    session: CliSession, stack: Stack, wanted: WantedSchedule
) -> tuple[str, Callable[[], object] | None]:
    """``(verdict, what to do)`` for a schedule; an empty verdict if there is none and none is wanted."""
    live = _find(session, stack, wanted.name)
    identity = {"GroupName": stack.schedule_group, "Name": wanted.name}
    if wanted.when is None:
        if live is None:
            return "", None
        return "deleted", lambda: session.clients("scheduler").delete_schedule(**identity)
    if not stack.schedule_group or not wanted.target_arn:
        raise CommandError(f"This stack has no {wanted.what}s yet: deploy it again.")
    request = {**identity, **_settings(stack, wanted, wanted.when)}
    if live is None:
        return "created", lambda: session.clients("scheduler").create_schedule(**request)
    if all(live.get(name) == value for name, value in request.items()):
        return "unchanged", None
    return "changed", lambda: session.clients("scheduler").update_schedule(**request)


def _find(session: CliSession, stack: Stack, name: str) -> Mapping[str, Any] | None:
    """A schedule as it is; None if there is none."""
    if not stack.schedule_group:
        return None
    try:
        found: Mapping[str, Any] = session.clients("scheduler").get_schedule(GroupName=stack.schedule_group, Name=name)
    except AwsRefusedError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise
    return found


def _settings(stack: Stack, wanted: WantedSchedule, schedule: Schedule) -> dict[str, Any]:
    return {
        "ScheduleExpression": schedule.when,
        "ScheduleExpressionTimezone": schedule.timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "Target": {
            "Arn": wanted.target_arn,
            "RoleArn": wanted.role_arn,
            "Input": json.dumps(wanted.input, sort_keys=True),
            "RetryPolicy": RETRIES,
            "DeadLetterConfig": {"Arn": stack.event_dead_letters_arn},
        },
    }
