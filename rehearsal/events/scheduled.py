"""The clock of scheduled rules: looks twice a second for what fell due since it last looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rehearsal.events.rules import Rule, RuleBook
from rehearsal.world import World

_TICK_SECONDS = 0.5


def watch_schedules(world: World, rules: RuleBook, fire: Callable[[Rule, datetime], None]) -> None:
    """Call ``fire(rule, due)`` in the background whenever an enabled rule's schedule falls due."""

    def watch() -> None:
        checked_at = world.now()
        while not world.stopping.wait(_TICK_SECONDS):
            now = world.now()
            for rule in rules.all():
                due = _due(rule, after=checked_at)
                if due is not None and due <= now:
                    fire(rule, due)
            checked_at = now

    world.background("eventbridge-schedules", watch)


def _due(rule: Rule, *, after: datetime) -> datetime | None:
    if not rule.enabled or rule.schedule is None:
        return None
    return rule.schedule.next_after(max(after, rule.written_at), rule.written_at)
