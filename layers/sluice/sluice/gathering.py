"""Gathering: what waits for a model becomes one run after the other, never two at a time."""

from __future__ import annotations

from sluice.assembly import Ports
from sluice.events import PipelineStatusChanged


def run_ended(changed: PipelineStatusChanged, ports: Ports) -> bool:
    """Note the end of a model's run and have its turn looked at; False if it was not the model's current run.

    The run is known by its display name, which is ours: the event may come before the execution was noted.
    """
    model = ports.names.model_of(changed.pipeline)
    if model is None or not ports.turns.mark_ended(model, changed.display_name, changed.status):
        return False
    ports.wakeups.book(model, 0)
    return True
