"""What the code that a function can reach publishes and keeps, read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.builders.import_graph import ROOT, modules

FUNCTIONS = ROOT / "functions"
ITEMS = {
    "approvals": {"MODEL#"},
    "batches": {"MODEL#"},
    "history": {"ROLLOUT#"},
    "locks": {"ENDPOINT#"},
    "pending_inputs": {"UPLOAD#", "WAITING#", "REQUEST#"},
    "run_slots": {"MODEL#"},
    "runs": {"MODEL#"},
    "store": {"MODEL#"},
    "sweep_progress": {"SWEEP"},
}
"""Port -> how the partition keys of its items in the state table begin."""

SOME_METHODS = {
    "is_wait_announced": {"PENDING#"},
    "mark_wait_announced": {"PENDING#"},
    "is_ignored": {"APPROVAL#"},
    "no_way_back_told_at": {"APPROVAL#"},
    "note_no_way_back": {"APPROVAL#"},
    "record_ignored": {"APPROVAL#"},
}
"""The same of methods whose items lie elsewhere."""


@cache
def reached(function: str) -> frozenset[Path]:
    """The modules of the layer that a function imports, at any time and directly or not; without the bootstrap."""
    known = modules("sluice")
    todo = [*_run_time_imports(FUNCTIONS / function / "app.py", known)]
    found: set[Path] = set()
    while todo:
        name = todo.pop()
        if name in known and known[name] not in found and ".bootstrap." not in name:
            found.add(known[name])
            todo += _run_time_imports(known[name], known)
    return frozenset(found)


def published(function: str) -> set[str]:
    """The detail types of all events that a function's code names where it publishes."""
    return {name for path in reached(function) for name in _detail_types(path)}


def kept(function: str) -> set[str]:
    """How the partition keys begin of the items that a function's code reads or writes."""
    sources = (path.read_text() for path in reached(function))
    used = {call for source in sources for call in re.findall(r"ports\.(\w+)\.(\w+)", source)}
    return {prefix for port, method in used for prefix in SOME_METHODS.get(method, ITEMS.get(port, ()))}


def _detail_types(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish":
            named = (each for argument in node.args[:1] for each in ast.walk(argument))
            yield from (_named(each) for each in named if _named(each)[:1].isupper())


def _named(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _run_time_imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and child.module:
                inner = (f"{child.module}.{alias.name}" for alias in child.names)
                yield from (each if each in known else child.module for each in inner)
            yield from walk(child)

    return walk(ast.parse(path.read_text()))
