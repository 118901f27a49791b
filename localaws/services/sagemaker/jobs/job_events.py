"""The events of jobs and the shape of their descriptions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from localaws.services.sagemaker.resources.timestamps import epoch_ms, iso

Description = dict[str, Any]  # as Describe…Job returns it


def job_event(word: str, description: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Detail of "SageMaker <word> Job State Change", with the time format of that kind of job."""
    shown = {field: value for field, value in description.items() if (word, field) != _LEFT_OUT}
    return {**_plain(shown, _TIMES[word]), "Tags": dict(tags)}


def _plain(value: Any, write_time: Callable[[datetime], Any]) -> Any:
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, Mapping):
        return {key: _plain(member, write_time) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member, write_time) for member in value]
    return value


def with_transition(description: Description, status: str, now: datetime) -> Description:
    """A training job's description after it entered a secondary status."""
    past = [dict(entry) for entry in description.get("SecondaryStatusTransitions", [])]
    if past and "EndTime" not in past[-1]:
        past[-1]["EndTime"] = now
    entry = {"Status": status, "StartTime": now, "StatusMessage": _MESSAGES.get(status, status)}
    if status in _TERMINAL:
        entry["EndTime"] = now
    return {
        **description,
        "SecondaryStatus": status,
        "SecondaryStatusTransitions": [*past, entry],
        "LastModifiedTime": now,
    }


_TIMES: Mapping[str, Callable[[datetime], Any]] = {
    "Processing": epoch_ms,
    "Training": lambda at: str(epoch_ms(at)),
    "Transform": iso,
}
_LEFT_OUT = ("Transform", "LastModifiedTime")  # in the events of the other jobs it is
_TERMINAL = frozenset({"Completed", "Failed", "Stopped", "MaxRuntimeExceeded"})
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
