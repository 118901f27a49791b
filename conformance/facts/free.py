"""Facts that need no instance: events, registry, pipelines, schedules. They cost less than a cent."""

from __future__ import annotations

from conformance.fact import Bill, Group
from conformance.facts import delivery, errors, pipelines, registry

FREE = Group(
    name="free",
    bill=Bill(dollars=0.01, minutes=10, what_for="some events, messages and objects"),
    facts=(*delivery.FACTS, *registry.FACTS, *pipelines.FACTS, *errors.FACTS),
)
