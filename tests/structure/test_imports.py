"""Who may import whom: functions and the command import the layer, the rehearsal imports none of them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.builders.import_graph import TREES, import_graph

ROOT = Path(__file__).parents[2]

# What each part may import beside the standard library and itself.
ALLOWED = {
    "layers/sluice/sluice": {"aws_lambda_powertools", "boto3", "botocore", "sluice"},
    "functions": {"aws_lambda_powertools", "sluice"},
    "cli": {"botocore", "cli", "rich", "sluice", "yaml"},
}


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports anywhere in it; a relative import keeps its dots."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} has no Python files"
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_the_product_imports_only_what_it_ships_with(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(folder)
        for module in imports(path)
        if module.split(".")[0] not in sys.stdlib_module_names | ALLOWED[folder]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("localaws", {"sluice", "functions", "cli", "pipelines", "rehearsal", "tests"}),
        ("rehearsal", {"sluice", "functions", "cli", "pipelines", "tests"}),
        ("conformance", {"sluice", "functions", "cli", "localaws", "rehearsal", "tests"}),
        ("pipelines", {"sluice", "functions", "cli", "localaws", "rehearsal", "tests"}),
    ],
)
def test_nothing_reaches_into_the_product(folder: str, forbidden: set[str]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(folder)
        for module in imports(path)
        if module.split(".")[0] in forbidden
    ]
    assert wrong == []


def test_a_function_is_its_own_folder_and_the_layer() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files("functions")
        for module in imports(path)
        if (path.parent / f"{module.split('.')[0]}.py").exists() or module.split(".")[0] == "functions"
    ]
    assert wrong == []


@pytest.mark.parametrize("package", TREES)
def test_modules_do_not_import_in_circles(package: str) -> None:
    """Imports for type checking count: two modules that need each other's types are one thing in two files."""
    try:
        TopologicalSorter(import_graph(package)).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("folder", ["layers/sluice/sluice", "functions"])
def test_what_is_deployed_does_not_know_of_the_rehearsal(folder: str) -> None:
    words = ("rehears", "localaws", "moto", "AWS_ENDPOINT_URL", "localhost", "127.0.0.1")
    found = [
        f"{path.relative_to(ROOT)}: {word}" for path in files(folder) for word in words if word in path.read_text()
    ]
    assert found == []


def test_the_layer_carries_the_services_that_our_code_calls_and_no_other() -> None:
    """A call is ``client("s3")``: the name of the service is written where the client is asked for."""
    called = {
        node.args[0].value
        for folder in ("layers/sluice/sluice", "functions")
        for path in files(folder)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) in ("_client",)
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    listed = (ROOT / "layers" / "sluice" / "botocore-services.txt").read_text().splitlines()
    assert called == {line for line in listed if not line.startswith("#")}
