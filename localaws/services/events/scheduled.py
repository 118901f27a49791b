"""Fires scheduled rules: looks twice a second for rules that have become due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from localaws.context import Context
from localaws.services.events.rules import Rule, RuleStore

_TICK_SECONDS = 0.5


def fallen_due(rules: Iterable[Rule], *, after: datetime, until: datetime) -> Iterator[tuple[Rule, datetime]]:
    """The enabled rules whose schedule fell due later than ``after`` and by ``until``, each once, with the time."""
    for rule in rules:
        if rule.enabled and rule.schedule is not None:
            due = rule.schedule.next_after(max(after, rule.written_at), rule.written_at)
            if due is not None and due <= until:
                yield rule, due


def watch_schedules(context: Context, rules: RuleStore, fire: Callable[[Rule, datetime], None]) -> None:
    """Call ``fire(rule, due)`` in the background whenever an enabled rule's schedule falls due."""

    def watch() -> None:
        checked_at = context.now()
        while not context.stopping.wait(_TICK_SECONDS):
            now = context.now()
            for rule, due in fallen_due(rules.all(), after=checked_at, until=now):
                fire(rule, due)
            checked_at = now

    context.background("eventbridge-schedules", watch)
