"""Specs in YAML files: read with the line and column of everything, so that a problem can be pointed at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sluice.errors import Problem, SpecError
from sluice.spec.model import ModelSpec
from sluice.spec.rules import Rule
from sluice.spec.schema.reading import child, element

from cli.apply.bounded_yaml import load_yaml
from cli.failures import LocatedProblem, SpecFilesError

Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A valid spec, the file it came from, and where in it each field stands."""

    path: Path
    spec: ModelSpec
    places: dict[str, Place]

    def located(self, problems: Iterable[Problem]) -> tuple[LocatedProblem, ...]:
        return tuple(_locate(self.path, self.places, problem) for problem in problems)


def load_all(paths: Mapping[Path, Sequence[Rule]]) -> list[SpecFile]:
    """The specs of all files, each by its rules; raises ``SpecFilesError`` with every problem of every file."""
    files: list[SpecFile] = []
    problems: list[LocatedProblem] = []
    for path, rules in paths.items():
        try:
            files.append(load(path, rules))
        except SpecFilesError as error:
            problems.extend(error.problems)
    problems.extend(_models_in_two_files(files))
    if problems:
        raise SpecFilesError(tuple(problems))
    return files


def load(path: Path, rules: Sequence[Rule] = ()) -> SpecFile:
    """The spec in one file; raises ``SpecFilesError`` with every problem, in line order."""
    root, raw = _parsed(path)
    places = dict(_places(root, "", frozenset())) if root else {}
    problems = list(_repeated_keys(root, "")) if root else []
    try:
        spec = ModelSpec.parse(raw, rules)
    except SpecError as error:
        problems.extend(error.problems)
    if problems:
        located = (_locate(path, places, problem) for problem in problems)
        raise SpecFilesError(tuple(sorted(located, key=lambda one: (one.line, one.column))))
    return SpecFile(path, spec, places)


def _parsed(path: Path) -> tuple[yaml.Node | None, Any]:
    """The file's node tree, which has the marks, and the plain values in it."""
    try:
        return load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _unreadable(path, f"is not YAML: {error.problem or error.context}", place) from error
    except (yaml.YAMLError, ValueError) as error:  # control characters; dates that no calendar has
        raise _unreadable(path, f"is not YAML: {error}") from error


def _unreadable(path: Path, message: str, place: Place = (1, 1)) -> SpecFilesError:
    problem = Problem("", None, "a YAML file that describes one model", message)
    return SpecFilesError((LocatedProblem(str(path), *place, problem),))


def _places(node: yaml.Node, path: str, above: frozenset[int]) -> Iterator[tuple[str, Place]]:
    """Where each path stands: a single value at the value, a mapping or list at its key."""
    if id(node) in above:  # an alias to something that contains it
        return
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = child(path, str(key.value))
            yield where, _place(value if isinstance(value, yaml.ScalarNode) else key)
            yield from _places(value, where, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            where = element(path, index)
            yield where, _place(item)
            yield from _places(item, where, above)


def _repeated_keys(node: yaml.Node, path: str, above: frozenset[int] = frozenset()) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if id(node) in above:
        return
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            where = child(path, str(key.value))
            if key.value in seen:
                yield Problem(where, None, "each field once", "is there twice")
            seen.add(key.value)
            yield from _repeated_keys(value, where, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated_keys(item, element(path, index), above)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _locate(path: Path, places: dict[str, Place], problem: Problem) -> LocatedProblem:
    """At the field, or for a missing one at the closest thing around it."""
    where = problem.path
    while where and where not in places:
        where = where[: max(where.rfind("."), where.rfind("["), 0)]
    return LocatedProblem(str(path), *places.get(where, (1, 1)), problem)


def _models_in_two_files(files: Sequence[SpecFile]) -> Iterator[LocatedProblem]:
    first: dict[str, Path] = {}
    for file in files:
        name = file.spec.name
        if name in first:
            problem = Problem("name", name, "each model in one file", f"is also described in {first[name]}")
            yield from file.located([problem])
        first.setdefault(name, file.path)
