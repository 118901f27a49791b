"""The scripts that run in SageMaker's XGBoost container use only what is there, and pack all that serving needs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

TABULAR = Path(__file__).parents[2] / "pipelines" / "tabular"
SCRIPTS = sorted(path for path in TABULAR.glob("*.py") if path.name != "pipeline.py")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_need_no_more_than_the_container_has(script: Path) -> None:
    """Python 3.10, NumPy and XGBoost; pandas is there too, but takes most of a second to import."""
    tree = ast.parse(script.read_text(), feature_version=(3, 10))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    later_than_3_10 = {"tomllib"}
    allowed = set(sys.stdlib_module_names) - later_than_3_10 | {"numpy", "xgboost"} | {path.stem for path in SCRIPTS}
    assert imported <= allowed


def test_serving_code_is_complete() -> None:
    """Training packs by name what serving imports: a name forgotten there would only fail on the endpoint."""
    packed = {"inference.py"}
    for name in list_after("SERVING_CODE"):
        tree = ast.parse((TABULAR / name).read_text())
        own = {f"{node.module}.py" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        own |= {f"{each.name}.py" for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
        packed |= own & {path.name for path in SCRIPTS}
    assert packed == set(list_after("SERVING_CODE"))


def list_after(name: str) -> tuple[str, ...]:
    tree = ast.parse((TABULAR / "train.py").read_text())
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    )
    found: tuple[str, ...] = ast.literal_eval(value)
    return found
