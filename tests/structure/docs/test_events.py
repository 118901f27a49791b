"""docs/events.md describes every domain event that the code publishes, field by field, with an example."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[3]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def published() -> dict[str, set[str]]:
    """Every event published anywhere, with all the fields it may have."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in ("layers", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, Function):
                    for name, fields in published_in(function):
                        found[name] |= fields
    return found


def published_in(function: Function) -> Iterator[tuple[str, set[str]]]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("events.publish"):
            fields = {field for keyword in call.keywords for field in fields_of(keyword, function)}
            yield from ((name, fields) for name in names_of(call.args[0]))


def names_of(argument: ast.expr) -> Iterator[str]:
    """The event's name, or both of ``"A" if … else "B"``."""
    if isinstance(argument, ast.IfExp):
        yield from (*names_of(argument.body), *names_of(argument.orelse))
    else:
        assert isinstance(argument, ast.Constant), f"{ast.unparse(argument)} is no literal: this test cannot follow it"
        yield str(argument.value)


def fields_of(keyword: ast.keyword, function: Function) -> Iterator[str]:
    """A keyword's name; for ``**common`` the keys of the dict that was given this name in the same function.

    For ``**about(…)`` those of the dict that a function of that name returns.
    """
    if keyword.arg is not None:
        yield keyword.arg
        return
    if isinstance(keyword.value, ast.Call):
        yield from returned(ast.unparse(keyword.value.func))
        return
    for node in ast.walk(function):
        targets = {ast.Assign: "targets", ast.AnnAssign: "target"}.get(type(node))
        if targets is None or ast.unparse(keyword.value) not in ast.unparse(node).split(" = ")[0].split(":")[0]:
            continue
        assert isinstance(node, ast.Assign | ast.AnnAssign)
        assert isinstance(node.value, ast.Dict), f"{ast.unparse(keyword.value)} is no literal dict"
        yield from (str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))


@cache
def returned(name: str) -> frozenset[str]:
    """The keys of the dict that the one function of this name in the layer returns."""
    found = [
        node.body[-1].value
        for path in (ROOT / "layers").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function) and node.name == name and isinstance(node.body[-1], ast.Return)
    ]
    (value,) = found
    assert isinstance(value, ast.Dict), f"{name} returns no literal dict"
    return frozenset(str(key.value) for key in value.keys if isinstance(key, ast.Constant))


SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", (ROOT / "docs" / "events.md").read_text(), re.M | re.S))
ALL = published()
REPLACED = {name for name in ALL if " " in name}  # AWS's own events, told again because they seem to have been lost
PUBLISHED = {name: ALL[name] for name in ALL.keys() - REPLACED}


def test_the_test_sees_the_events() -> None:
    assert {"PipelineStarted", "PipelineSucceeded", "RolloutFailed", "ModelPending"} <= PUBLISHED.keys()
    assert {"model", "reason"} <= PUBLISHED["PipelineFailed"]


def test_every_event_is_described_and_no_other() -> None:
    assert set(SECTIONS) == set(PUBLISHED)


def test_the_events_of_aws_that_are_replayed_are_named() -> None:
    text = " ".join((ROOT / "docs" / "events.md").read_text().split())
    assert [name for name in REPLACED if f"`{name}`" not in text] == []


def test_the_table_of_contents_names_them_all() -> None:
    text = (ROOT / "docs" / "events.md").read_text()
    assert set(re.findall(r"^\| \[(\w+)\]", text, re.M)) == set(PUBLISHED)


def test_people_are_told_of_what_the_table_says() -> None:
    """The rule of the topic that people subscribe to has these events and no other."""
    text = (ROOT / "docs" / "events.md").read_text()
    told = dict(re.findall(r"^\| \[(\w+)\].*\| (yes|no) \|$", text, re.M))
    assert set(told) == set(PUBLISHED)
    pattern = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["NotifyRule"]["Properties"]["EventPattern"]
    assert set(pattern["detail-type"]) == {name for name, is_told in told.items() if is_told == "yes"}


@pytest.mark.parametrize("event", sorted(PUBLISHED))
def test_every_field_is_described_and_in_the_example(event: str) -> None:
    section = SECTIONS.get(event, "")
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == PUBLISHED[event]
    (example,) = re.findall(r"```json\n(.*?)```", section, re.S)
    assert set(json.loads(example)) == PUBLISHED[event]
