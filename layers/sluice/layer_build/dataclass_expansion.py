"""Replaces ``@dataclass`` in the built layer by the methods that it would compile in every cold start.

The sources keep their decorators. A dataclass that this cannot read, as of a base in another package, keeps its own.
Everything stands in the lines of the source up to the first expanded class; below it, lines have moved down.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layer_build.dataclass_reading import DataclassSource, Module, Package, UnsupportedError
from layer_build.dataclass_writing import ALIASES, holder, is_held, methods

SUPPORT = Path(__file__).with_name("expanded_dataclass.py")


@dataclass(frozen=True)
class Edit:
    """Replaces the text between two places, each a line counted from 0 and a column in characters."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass
class Report:
    """How many classes were expanded, and why others were not, as ``module.Class: reason``."""

    expanded: int
    left: list[str]


def expand(packages: Path, names: tuple[str, ...]) -> Report:
    """Expand the dataclasses of packages and files below the folder, in place, and add what they share."""
    files = sorted(file for name in names for file in _files(packages / name))
    package = Package(packages, iter(files))
    report = Report(0, [])
    for file, module in package.modules.items():
        source = file.read_text(encoding="utf-8")
        changed = _expanded(source, package, module, report)
        if changed != source:
            file.write_text(changed, encoding="utf-8")
    if report.expanded:
        shutil.copy(SUPPORT, packages)
    return report


def _files(place: Path) -> Iterator[Path]:
    return place.rglob("*.py") if place.is_dir() else iter([place])


def _expanded(source: str, package: Package, module: Module, report: Report) -> str:
    edits: list[Edit] = []
    for node in _classes(module.tree):
        try:
            found = package.read(module, node)
            if found:
                edits += list(_edits(found, source.splitlines()))
                report.expanded += 1
        except UnsupportedError as error:
            report.left.append(f"{module.name}.{node.name}: {error}")
    if not edits:
        return source
    names = ", ".join(f"{name} as {alias}" for alias, name in ALIASES.items())
    return _apply(source, [*edits, _after_import(module.tree, f"; from {SUPPORT.stem} import {names}")])


def _classes(tree: ast.Module | ast.ClassDef) -> Iterator[ast.ClassDef]:
    """Those of a module and those inside them; one inside a function is not defined when the module is imported."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node
            yield from _classes(node)


def _edits(source: DataclassSource, lines: list[str]) -> Iterator[Edit]:
    node = source.node
    if node.body[0].lineno == node.lineno:
        raise UnsupportedError("stands on one line")
    held = [each for each in source.own if is_held(each, source.parameters["slots"])]
    _refuse_reading_of(frozenset(each.name for each in held), node)
    written = list(methods(source))
    for line in range(source.decorator.lineno - 1, source.decorator.end_lineno or 0):
        begin = len(lines[line]) - len(lines[line].lstrip())
        yield Edit((line, begin), (line, begin), "# ")
    for each in held:
        assert each.statement is not None
        assert each.value is not None
        after = _place(lines, each.statement.annotation, at_end=True)
        sign = _find(lines, "=", after, _place(lines, each.value))
        yield Edit(sign, (sign[0], sign[1] + 1), f"; {holder(each.name)} =")
    end = (node.end_lineno or 0) - 1
    indent = " " * node.body[0].col_offset
    text = "".join(f"\n{indent}{line}" for line in ["# Instead of the decorator:", *written])
    yield Edit((end, len(lines[end])), (end, len(lines[end])), text)


def _refuse_reading_of(names: frozenset[str], node: ast.ClassDef) -> None:
    """A default that another statement of the class reads would no longer be there."""
    outside = [
        each for each in node.body if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    for each in (inner for statement in outside for inner in ast.walk(statement)):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and each.id in names:
            raise UnsupportedError(f"reads its field {each.id} while it is being defined")


def _place(lines: list[str], node: ast.expr, *, at_end: bool = False) -> tuple[int, int]:
    """Where a node starts or ends; ast counts columns in bytes."""
    line = (node.end_lineno if at_end else node.lineno) or 0
    column = (node.end_col_offset if at_end else node.col_offset) or 0
    return line - 1, len(lines[line - 1].encode()[:column].decode())


def _find(lines: list[str], sign: str, start: tuple[int, int], end: tuple[int, int]) -> tuple[int, int]:
    for line in range(start[0], end[0] + 1):
        begin = start[1] if line == start[0] else 0
        found = lines[line].find(sign, begin, end[1] if line == end[0] else None)
        if found >= 0:
            return line, found
    raise UnsupportedError("has a default that is not found in the text")


def _after_import(tree: ast.Module, text: str) -> Edit:
    """Behind the import of dataclasses, in the same line, so that no line moves."""
    for node in tree.body:
        is_plain = isinstance(node, ast.Import) and any(each.name == "dataclasses" for each in node.names)
        if is_plain or (isinstance(node, ast.ImportFrom) and node.module == "dataclasses"):
            place = ((node.end_lineno or 0) - 1, node.end_col_offset or 0)
            return Edit(place, place, text)
    raise LookupError("a dataclass is defined where dataclasses is not imported")


def _apply(source: str, edits: list[Edit]) -> str:
    lines = source.splitlines()
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        (first, begin), (last, finish) = edit.start, edit.end
        lines[first : last + 1] = [lines[first][:begin] + edit.text + lines[last][finish:]]
    return "\n".join(lines) + "\n"
