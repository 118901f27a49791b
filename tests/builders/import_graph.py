"""Who imports whom, read from the source: imports anywhere in a file count, those for type checking, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREES = {
    "sluice": ROOT / "layers" / "sluice",
    "cli": ROOT,
    "localaws": ROOT,
    "rehearsal": ROOT,
}  # package -> its parent


def modules(package: str) -> dict[str, Path]:
    """The modules of a tree by dotted name, without its tests; a package's name is that of its ``__init__``."""
    base = TREES[package]
    found = {
        ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((base / package).rglob("*.py"))
        if "tests" not in path.relative_to(base).parts
    }
    assert found, f"{package} has no Python files"
    return found


def import_graph(package: str) -> dict[str, set[str]]:
    """For each module of a tree the modules of the same tree that it imports."""
    known = modules(package)
    return {name: {each for each in imported(path, known) if each in known} for name, path in known.items()}


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Dotted names of what a file imports: ``from a import b`` is ``a.b`` if that is a module, else ``a``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
