"""Safeguards taken out one by one, in memory: the exploration has to find each that is missing."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutation:
    """``text`` of a module, which is replaced by ``by`` while it is in force; then runs break one of these rules."""

    name: str
    breaks: tuple[str, ...]
    module: str
    text: str
    by: str

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """The functions of the module run the changed code, whoever has imported them.

        Raises:
            ValueError: the text is not there exactly once: the safeguard was moved, and this is to follow it.
        """
        module = import_module(self.module)
        source = inspect.getsource(module)
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: {self.text!r} is {source.count(self.text)} times in {self.module}")
        changed = ModuleType(module.__name__)
        changed.__file__ = module.__file__
        exec(compile(source.replace(self.text, self.by), module.__file__ or "", "exec"), changed.__dict__)
        before = {function: function.__code__ for function, _ in _pairs(module, changed)}
        for function, other in _pairs(module, changed):
            function.__code__ = other.__code__
        try:
            yield
        finally:
            for function, code in before.items():
                function.__code__ = code


def _pairs(module: ModuleType, changed: ModuleType) -> Iterator[tuple[FunctionType, FunctionType]]:
    """The functions and methods of the module, each with its changed form."""
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            yield value, getattr(changed, name)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            yield from _methods(value, getattr(changed, name))


def _methods(of: type[Any], changed: type[Any]) -> Iterator[tuple[FunctionType, FunctionType]]:
    for name, value in vars(of).items():
        other = vars(changed).get(name)
        if isinstance(value, FunctionType) and isinstance(other, FunctionType):
            yield value, other


MUTATIONS = (
    Mutation(
        "the fence is not read again after a shift",
        ("what moved traffic after a fence goes back at once",),
        "sluice.rollout.tasks.shift_traffic",
        '    if not ports.store.get(record.id).may_advance:\n        return task_result("ROLL_BACK", stage=stage)\n'
        "    now = ports.now()",
        "    now = ports.now()",
    ),
    Mutation(
        "anybody gets the lock",
        ("only the holder of the lock changes an endpoint",),
        "sluice.rollout.model.endpoint_lock",
        '"attribute_not_exists(holder) OR holder = :me"',
        '"attribute_not_exists(holder) OR attribute_exists(holder)"',
    ),
    Mutation(
        "a config that somebody put is taken for the baseline's",
        ("changes by hand stay",),
        "sluice.rollout.traffic.reconcile",
        "    if plan.baseline is None or state.config != plan.baseline.config:\n"
        "        return _changed_by_hand(state)\n    return _use_once",
        "    return _use_once",
    ),
    Mutation(
        "a way back replaces whatever config it finds",
        ("changes by hand stay",),
        "sluice.rollout.traffic.reconcile",
        "    if state.config in (plan.canary_config, plan.candidate.config):\n"
        "        return UseConfig(baseline.config)",
        "    if state.config != baseline.config:\n        return UseConfig(baseline.config)",
    ),
    Mutation(
        "an inference is saved whatever has become of it",
        ("a result is final", "every failed invocation counts"),
        "sluice.async_inference.store",
        '"revision = :seen" if inference.revision else',
        '"attribute_exists(pk)" if inference.revision else',
    ),
    Mutation(
        "the approval is not asked for at the promotion",
        ("a rejection is obeyed",),
        "sluice.rollout.tasks.promote_candidate",
        "    if not may_go_on(record, ports):",
        "    if not record.may_advance:",
    ),
    Mutation(
        "a rollout that was fenced is closed as promoted",
        ("an abort is obeyed",),
        "sluice.rollout.model.store",
        '                _OPEN,\n                {":closed": "closed"},\n                gone=open_key',
        '                "phase <> :closed",\n                {":closed": "closed"},\n                gone=open_key',
    ),
    Mutation(
        "an event that comes again is another approval",
        ("one approval opens one rollout",),
        "sluice.rollout.planning.approvals",
        "if ended is not None and approved_at > max(ended, latest.approved_at):",
        "if ended is not None:",
    ),
)
