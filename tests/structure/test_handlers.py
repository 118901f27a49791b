"""One convention for all functions: parse the event, call one task, return its result."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = sorted((ROOT / "functions").glob("*/app.py"))
RUN_LINES = 15

DECIDING = (ast.If, ast.For, ast.While, ast.Try, ast.Match, ast.With)


@pytest.fixture(params=HANDLERS, ids=lambda path: path.parent.name)
def handler(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_handler_is_one_function_without_decisions(handler: Path) -> None:
    tree = ast.parse(handler.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    assert [node.name for node in functions] == ["run"]
    (run,) = functions
    assert (run.end_lineno or 0) - run.lineno + 1 <= RUN_LINES
    assert [type(node).__name__ for node in ast.walk(run) if isinstance(node, DECIDING)] == []


def test_a_handler_is_joined_to_its_ports_by_entry(handler: Path) -> None:
    tree = ast.parse(handler.read_text())
    (assigned,) = [
        node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "handler"
    ]
    assert isinstance(assigned.value, ast.Call)
    assert ast.unparse(assigned.value.func) == "entry"
    name, run, ports = assigned.value.args
    assert ast.unparse(name) == repr(handler.parent.name)
    assert (ast.unparse(run), ast.unparse(ports).endswith("_ports")) == ("run", True)


def test_a_handler_pauses_the_collector_while_it_imports(handler: Path) -> None:
    tree = ast.parse(handler.read_text())
    (pause,) = [node for node in tree.body if isinstance(node, ast.With)]
    assert [ast.unparse(item) for item in pause.items] == ["collector_paused()"]
    own = [str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 0]
    assert [name for name in own if name.startswith("sluice")] == ["sluice.bootstrap.cold_start"]


def test_a_function_has_no_other_module(handler: Path) -> None:
    assert [path.name for path in handler.parent.glob("*.py")] == ["app.py"]
