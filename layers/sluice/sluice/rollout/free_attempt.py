"""The first attempt of a rollout whose names nothing bears that is of another time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

REDELIVERY = timedelta(minutes=5)
"""Longer than one invocation, within which another delivery of the same event may open the same rollout."""


def next_free_attempt(wanted: RolloutId, ports: RolloutPorts) -> RolloutId:
    """The first attempt whose names are free: of its execution, and of the SageMaker model.

    What bears one of them, while the table knows no such rollout, is of a rollout before the table was deleted or
    restored from a backup. Step Functions refuses the execution's name for 90 days, so that nothing would ever start;
    and the model would be served, although its package may have been another of the same number. What is only minutes
    old is this event's: another delivery of it has come between.
    """
    while any(ports.now() - since > REDELIVERY for since in _names_taken(wanted, ports)):
        wanted = replace(wanted, attempt=wanted.attempt + 1)
    return wanted


def _names_taken(rollout_id: RolloutId, ports: RolloutPorts) -> Iterator[datetime]:
    """Since when something bears a name of this rollout."""
    taken = (
        ports.executions.started_at(str(rollout_id)),
        ports.hosting.model_created_at(ports.names.rollout_resource(str(rollout_id), "model")),
    )
    return filter(None, taken)
