"""Which package of the layer may import which: imports between packages go one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

LAYER = Path(__file__).parents[2] / "layers" / "sluice" / "sluice"

BASE = frozenset({"bounded_json", "errors", "events", "names", "rollout_id", "stored"})
"""Modules at the root; they import only each other."""
LOW = BASE | {"aws", "spec", "telemetry"}
SERVING = LOW | {"endpoint", "transform"}
RECORD = SERVING | {"rollout.model"}

ALLOWED: dict[str, frozenset[str]] = {
    "telemetry": frozenset(),
    "data_contract": frozenset(),
    "aws": BASE | {"telemetry"},
    "spec.schema": BASE,
    "spec": BASE | {"aws", "spec.schema"},
    "endpoint": LOW,
    "transform": LOW | {"data_contract"},
    "async_inference": SERVING,
    "rollout.model": SERVING,
    "rollout.traffic": RECORD | {"async_inference"},
    "rollout.ab_outcomes": RECORD,
    "rollout.analysis": RECORD | {"rollout.ab_outcomes"},
    "rollout.planning": RECORD | {"rollout.analysis"},
    "rollout.gates": RECORD | {"rollout.analysis", "rollout.traffic"},
    "rollout.batch": RECORD | {"rollout.gates", "rollout.planning", "rollout.traffic"},
    "rollout": RECORD
    | {"async_inference", "rollout.analysis", "rollout.batch", "rollout.gates", "rollout.planning", "rollout.traffic"},
    "rollout.tasks": RECORD
    | {
        "async_inference",
        "rollout",
        "rollout.ab_outcomes",
        "rollout.analysis",
        "rollout.batch",
        "rollout.gates",
        "rollout.planning",
        "rollout.traffic",
    },
    "training": RECORD | {"data_contract"},
    "pipeline_runs": RECORD | {"training"},
    "batch": RECORD | {"data_contract", "rollout.batch", "rollout.gates", "rollout.planning"},
    "sweep": RECORD
    | {
        "async_inference",
        "batch",
        "pipeline_runs",
        "rollout.batch",
        "rollout.gates",
        "rollout.planning",
        "rollout.traffic",
        "training",
    },
}
"""By package, the packages it may import beside itself. ``bootstrap`` joins all of them and is imported by none."""


def package_of(module: str) -> str:
    """``rollout.traffic`` of ``sluice.rollout.traffic.reconcile``; a module at the root is its own package."""
    parts = module.split(".")[1:]
    return ".".join(parts if LAYER.joinpath(*parts).is_dir() or len(parts) == 1 else parts[:-1])


def arrows() -> Iterator[tuple[str, str, str]]:
    """Importing package, imported package, and the two modules; imports for annotations count like any other."""
    for path in sorted(LAYER.rglob("*.py")):
        module = ".".join(path.relative_to(LAYER.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sluice."):
                source, target = package_of(module), package_of(str(node.module))
                if source != target:
                    yield source, target, f"{module} imports {node.module}"


def test_packages_import_one_way() -> None:
    wrong = [
        text
        for source, target, text in arrows()
        if source != "bootstrap" and target not in (BASE if source in BASE else ALLOWED.get(source, frozenset()))
    ]
    assert wrong == []


def test_the_table_has_every_package_and_no_circle() -> None:
    packages = {package_of(".".join(("sluice", *path.relative_to(LAYER).parts))) for path in LAYER.rglob("*/")}
    present = {each for each in packages if each and any(LAYER.joinpath(*each.split(".")).glob("*.py"))}
    assert present - {"bootstrap"} == set(ALLOWED)
    order = list(ALLOWED)
    assert all(order.index(target) < order.index(source) for source in ALLOWED for target in ALLOWED[source] - BASE)
