"""One class name has one meaning: in what is deployed and its command, in the local AWS, and in the rehearsal."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = {
    "the product": ("layers/sluice/sluice", "functions", "cli"),
    "localaws": ("localaws",),
    "rehearsal": ("rehearsal",),
}


def names_of_types(path: Path) -> Iterator[str]:
    """Classes and aliases of types, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (name for name in names if name.lstrip("_")[:1].isupper() and not name.isupper())


def doubles(folders: tuple[str, ...]) -> dict[str, list[str]]:
    """Names that more than one file defines, with the files; the tests of a tree are not part of it."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 20, "the folders have moved: this test sees nothing"
    places = defaultdict(set)
    for path in files:
        if "tests" not in path.relative_to(ROOT).parts:
            for name in names_of_types(path):
                places[name].add(str(path.relative_to(ROOT)))
    return {name: sorted(found) for name, found in places.items() if len(found) > 1}


@pytest.mark.parametrize("tree", TREES)
def test_a_class_name_has_one_meaning(tree: str) -> None:
    assert doubles(TREES[tree]) == {}


COMMANDS = (
    "abort|apply|approve|batch|continue|data|history|invoke-async|lineage|outcome|pause|plan|promote|reject|results|"
    "resume|retry|runs|status|train|versions"
)


def texts_of(tree: ast.AST) -> Iterator[str]:
    """String constants of the code, without docstrings and without the usage of a command."""
    said = (ast.Expr, ast.keyword)  # a docstring, or an argument of the parser of commands
    left_out = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, said) and getattr(node, "arg", "usage") in ("usage", "help")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def test_no_text_names_a_command_without_its_stage() -> None:
    """``Names.command`` writes it: pasted on a terminal, a command without ``--stage`` goes to another stage."""
    named = [
        f"{path.relative_to(ROOT)}: {text}"
        for folder in TREES["the product"]
        for path in sorted((ROOT / folder).rglob("*.py"))
        for text in texts_of(ast.parse(path.read_text()))
        if re.search(rf"\bsluice ({COMMANDS})\b", text)
    ]
    assert named == []
