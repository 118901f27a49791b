"""Files and functions stay small enough to be read at once, and every module says what it is for."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("layers", "functions", "cli", "localaws", "rehearsal", "pipelines", "tests", "bench")
FILE_LINES = 300
FOLDER_MODULES = 20
TEST_FILE_LINES = 450  # tests are read case by case
FUNCTION_LINES = 60
HANDLER_LINES = 40
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def python_files() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(found) > 50, "the folders have moved: this test sees nothing"
    return found


def test_files_are_short() -> None:
    lines = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in python_files()}
    long = {
        str(path): count
        for path, count in lines.items()
        if count > (TEST_FILE_LINES if "tests" in path.parts else FILE_LINES)
    }
    assert long == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1)
        > (HANDLER_LINES if node.name == "handler" else FUNCTION_LINES)
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [path for path in python_files() if {path.stem, path.parent.name} & VAGUE]
    assert named == []


def test_folders_are_small_enough_to_be_known_by_heart() -> None:
    modules = Counter(path.parent.relative_to(ROOT) for path in python_files() if path.name != "__init__.py")
    crowded = {str(folder): count for folder, count in modules.items() if count > FOLDER_MODULES}
    assert crowded == {}
