"""The pictures of docs/architecture.md show what is there: the rollout's states, and modules under their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "layers" / "sluice" / "sluice"
DOC = (ROOT / "docs" / "architecture.md").read_text()
MACHINE = json.loads((ROOT / "statemachines" / "rollout.asl.json").read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]

Edge = tuple[str, str, str]


def is_drawn(name: str) -> bool:
    return STATES[name]["Type"] in ("Task", "Succeed", "Fail")


def drawn_from(name: str) -> str:
    """The first state on the way from ``name`` that the picture shows; waits are passed by."""
    while not is_drawn(name):
        name = STATES[name]["Next"]
    return name


def edges_of_choice(source: str, choice: dict[str, Any]) -> Iterator[Edge]:
    for rule in choice["Choices"]:
        if "StringEquals" in rule:
            yield source, drawn_from(rule["Next"]), rule["StringEquals"]
        else:
            assert rule["Next"] == choice["Default"], "it is not the default that the picture shows"
    yield source, drawn_from(choice["Default"]), "anything else"


def edges_of_machine() -> Iterator[Edge]:
    yield from edges_of_choice("[*]", STATES[MACHINE["StartAt"]])
    for name, state in STATES.items():
        if state["Type"] in ("Succeed", "Fail"):
            yield name, "[*]", ""
        if state["Type"] == "Task":
            follower = state["Next"]
            while STATES[follower]["Type"] == "Wait":
                follower = STATES[follower]["Next"]
            if is_drawn(follower):
                yield name, follower, ""
                continue
            yield from edges_of_choice(name, STATES[follower])
            default = drawn_from(STATES[follower]["Default"])
            assert {drawn_from(catcher["Next"]) for catcher in state["Catch"]} == {default}, (
                f"{name} fails to another state"
            )


def edges_of_picture() -> set[Edge]:
    (picture,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", DOC, re.DOTALL)
    lines = [re.fullmatch(r"\s*(\S+) --> ([^\s:]+)(?:: (.*))?", line) for line in picture.splitlines()]
    return {(line[1], line[2], line[3] or "") for line in lines if line}


def test_the_state_diagram_is_the_state_machine() -> None:
    assert edges_of_picture() == set(edges_of_machine())


def packages() -> set[str]:
    return {
        f"{path.parent.relative_to(LAYER)}/"
        for path in LAYER.rglob("__init__.py")
        if path.parent != LAYER and any(module.name != "__init__.py" for module in path.parent.glob("*.py"))
    }


def test_the_package_map_names_every_package_and_no_other() -> None:
    table = DOC[DOC.index("| package | what it holds |") : DOC.index("Each package declares in `ports.py`")]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert named == packages()


@pytest.mark.parametrize(
    "document", sorted(str(path.relative_to(ROOT)) for path in (*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")))
)
def test_documents_name_modules_that_are_there(document: str) -> None:
    """A path such as `rollout/traffic/reconcile.py` is one of the layer, or begins at the root."""
    text = (ROOT / document).read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text))
    missing = {name for name in named if not (LAYER / name).exists() and not (ROOT / name).exists()}
    assert missing == set()
