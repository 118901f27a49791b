"""Compares what a role is granted with what it used, to find grants that nobody needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from localaws.iam.conditions import wildcard
from localaws.iam.policy import Statement


@dataclass(frozen=True, slots=True)
class Grant:
    """One action of one allowing statement; ``used`` when a recorded permission fell under it."""

    action: str  # as the policy writes it, wildcards included
    resources: tuple[str, ...]
    used: bool


def compare(statements: Iterable[Statement], used: Collection[tuple[str, str]]) -> Iterator[Grant]:
    """Every granted action with whether one of the ``used`` (action, resource) pairs needed it."""
    for statement in statements:
        if statement.allow:
            for action in statement.actions:
                hit = any(_covers(action, statement.resources, permission) for permission in used)
                yield Grant(action, statement.resources, hit)


def _covers(action: str, resources: tuple[str, ...], permission: tuple[str, str]) -> bool:
    used_action, used_resource = permission
    return wildcard(action, ignore_case=True).match(used_action) is not None and any(
        wildcard(resource).match(used_resource) for resource in resources
    )
