"""Moves imports that no cold start needs from the top of an installed module into its functions that use them.

A list says which: each line names a module, and what it is to import only when a function needs it, or ``*``. The
names stay attributes of the module, so that nothing changes for whoever imports them from there, but the time of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


class DeferralError(Exception):
    """An import cannot be moved: it is not there, or its names are needed while the module is being imported."""


@dataclass(frozen=True)
class Deferral:
    """``module`` is to import ``imported``, or ``*``, only when a function needs it."""

    module: str
    imported: str


@dataclass(frozen=True)
class _Name:
    """A name that an import binds, and the statement that binds it alone."""

    name: str
    statement: str
    module: str
    attribute: str
    """"" for the module itself."""


def defer(packages: Path, deferrals: Iterable[Deferral]) -> None:
    """Rewrite the modules below the folder in place. Raises DeferralError."""
    wanted: dict[str, set[str]] = {}
    for each in deferrals:
        wanted.setdefault(each.module, set()).add(each.imported)
    for module, imported in wanted.items():
        file = _file(packages, module)
        rewritten = deferred(file.read_text(encoding="utf-8"), module, imported, file.stem == "__init__")
        file.write_text(rewritten, encoding="utf-8")


def deferred(source: str, module: str, imported: set[str], is_package: bool = False) -> str:
    """The source of ``module`` without the imports of ``imported`` at its top. Raises DeferralError."""
    tree, lines = ast.parse(source), source.splitlines()
    names: dict[str, _Name] = {}
    found: set[str] = set()
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        everything = "*" in imported and getattr(node, "module", "") != "__future__"
        bound = {each.name: each for each in _bound(node, module, is_package) if everything or each.module in imported}
        if bound:
            found |= {each.module for each in bound.values()}
            names |= bound
            _replace(lines, node, _kept(node, bound))
    missing = imported - found - ({"*"} if found else set())
    if missing:
        raise DeferralError(f"{module} does not import {', '.join(sorted(missing))} at its top")
    _refuse_early_use(tree, names.keys(), module)
    for line, column, used in sorted(_uses(tree, frozenset(names)), reverse=True):
        if lines[line - 1][:column].strip():
            raise DeferralError(f"{module} has no line to put an import before in line {line}")
        lines[line - 1 : line - 1] = [f"{' ' * column}{names[each].statement}" for each in sorted(used)]
    return "\n".join([*lines, "", "", *_attributes(names.values())]) + "\n"


def _file(packages: Path, module: str) -> Path:
    place = packages.joinpath(*module.split("."))
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not file.exists():
        raise DeferralError(f"there is no module {module}")
    return file


def _bound(node: ast.Import | ast.ImportFrom, module: str, is_package: bool) -> Iterator[_Name]:
    if isinstance(node, ast.Import):
        for each in node.names:
            if each.asname or "." not in each.name:
                called = f" as {each.asname}" if each.asname else ""
                yield _Name(each.asname or each.name, f"import {each.name}{called}", each.name, "")
        return
    origin = node.module or ""
    if node.level:
        parts = module.split(".")
        origin = ".".join([*parts[: len(parts) - node.level + is_package], *([node.module] if node.module else [])])
    for each in node.names:
        called = f" as {each.asname}" if each.asname else ""
        bound = each.asname or each.name
        # Importing a.b sets the attribute b of a to that module: a name b of a itself has to be there from the start.
        if not is_package or origin != f"{module}.{bound}":
            yield _Name(bound, f"from {origin} import {each.name}{called}", origin, each.name)


def _kept(node: ast.Import | ast.ImportFrom, moved: dict[str, _Name]) -> str:
    """What is left of a statement that imports other names, too; "" where nothing is."""
    left = [each for each in node.names if (each.asname or each.name) not in moved]
    if not left:
        return ""
    kept = ast.ImportFrom(node.module, left, node.level) if isinstance(node, ast.ImportFrom) else ast.Import(left)
    return ast.unparse(kept)


def _replace(lines: list[str], node: ast.stmt, text: str) -> None:
    """Other lines keep their numbers."""
    last = node.end_lineno or node.lineno
    for line in range(node.lineno - 1, last):
        lines[line] = f"# {lines[line]}"
    if text:
        lines[last - 1] = f"{text}  {lines[last - 1]}"


def _refuse_early_use(tree: ast.Module, names: object, module: str) -> None:
    postponed = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
        for node in tree.body
    )
    for name in _used_early(tree, postponed):
        if name in names:  # type: ignore[operator]
            raise DeferralError(f"{module} needs {name} while it is being imported")


def _used_early(node: ast.AST, postponed: bool) -> Iterator[str]:
    """Names that are read when the module is imported: all but those in the bodies of functions."""
    if isinstance(node, ast.Name):
        yield node.id
    for name, value in ast.iter_fields(node):
        is_body = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and name == "body"
        if is_body or (postponed and name in ("annotation", "returns")):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _used_early(each, postponed)


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The parts of a statement that are, or hold, statements of their own."""


def _uses(node: ast.AST, names: frozenset[str], inside: bool = False) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Line and column of each statement inside a function that uses names, and which; of an ``if`` only its test."""
    for block in (getattr(node, part, []) for part in _BLOCKS):
        for each in block if isinstance(block, list) else []:
            own = frozenset(_own_names(each)) & names
            if inside and own and isinstance(each, ast.stmt) and not _is_elif(node, each):
                yield each.lineno, each.col_offset, own
            yield from _uses(each, names, inside or isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def _own_names(statement: ast.AST) -> Iterator[str]:
    """Names in it, but not in the statements that it holds, which may never be carried out."""
    for part, value in ast.iter_fields(statement):
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, ast.AST):
                continue
            if part not in _BLOCKS or isinstance(statement, ast.Lambda):
                yield from (inner.id for inner in ast.walk(each) if isinstance(inner, ast.Name))
            elif part in ("handlers", "cases") or _is_elif(statement, each):  # what they catch, match or ask
                yield from _own_names(each)


def _is_elif(statement: ast.AST, inner: ast.AST) -> bool:
    return isinstance(statement, ast.If) and isinstance(inner, ast.If) and inner.col_offset == statement.col_offset


def _attributes(names: object) -> Iterator[str]:
    """A function of the module that imports a moved name when somebody else asks the module for it."""
    moved = {each.name: (each.module, each.attribute) for each in names}  # type: ignore[attr-defined]
    yield f"_DEFERRED = {moved!r}"
    yield ""
    yield ""
    yield "def __getattr__(name):"
    yield "    if name not in _DEFERRED:"
    yield '        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")'
    yield "    module, attribute = _DEFERRED[name]"
    yield "    found = __import__(module, fromlist=[attribute or 'itself'])  # a submodule, too, as the statement does"
    yield "    globals()[name] = found = getattr(found, attribute) if attribute else found"
    yield "    return found"
