"""Reads from the source of a package which dataclasses it defines, without importing any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PARAMETERS: Mapping[str, bool] = {
    "init": True,
    "repr": True,
    "eq": True,
    "order": False,
    "unsafe_hash": False,
    "frozen": False,
    "match_args": True,
    "kw_only": False,
    "slots": False,
    "weakref_slot": False,
}
"""Those of ``@dataclass``, with their defaults."""

PLAIN_BASES = frozenset({"ABC", "Generic", "object"})
"""Bases that change nothing about a dataclass derived from them."""


class UnsupportedError(Exception):
    """The dataclass does something that is not read from its source alone; it is left as it is."""


@dataclass(frozen=True, kw_only=True)
class FieldSource:
    """A field, as declared by the class ``owner``."""

    name: str
    owner: str
    kind: str = "field"
    """``field``, ``InitVar`` or ``ClassVar``."""
    has_default: bool = False
    has_factory: bool = False
    is_call: bool = False
    """Declared with ``field(...)``."""
    value: ast.expr | None = None
    statement: ast.AnnAssign | None = None
    init: bool = True
    repr: bool = True
    compare: bool = True
    hash: bool | None = None
    kw_only: bool = False


@dataclass(frozen=True, kw_only=True)
class DataclassSource:
    """A class under ``@dataclass``: ``own`` are the fields that it declares, ``fields`` those of its bases, too."""

    node: ast.ClassDef
    decorator: ast.expr
    parameters: Mapping[str, bool]
    own: tuple[FieldSource, ...]
    fields: tuple[FieldSource, ...]
    inherited_slots: frozenset[str]
    bases: tuple[DataclassSource, ...]

    @property
    def slots(self) -> frozenset[str]:
        mine = {each.name for each in self.fields if each.kind == "field"} if self.parameters["slots"] else set()
        return self.inherited_slots | mine

    def defines(self, name: str) -> bool:
        """Whether the body of the class itself has it."""
        return name in _names_set(self.node)


@dataclass
class Module:
    """One file of the package and what its names stand for."""

    name: str
    tree: ast.Module
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    """A name of this module -> the module and the name it comes from; the latter is "" for the module itself."""
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, source: str, is_package: bool) -> Module:
        found = cls(name, ast.parse(source))
        found.classes |= {each.name: each for each in found.tree.body if isinstance(each, ast.ClassDef)}
        for node in ast.walk(found.tree):
            if isinstance(node, ast.Import):
                found.imported |= {each.asname or each.name.split(".")[0]: (each.name, "") for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                origin = _absolute(node, name, is_package)
                found.imported |= {each.asname or each.name: (origin, each.name) for each in node.names}
        return found

    def origin(self, node: ast.expr) -> tuple[str, str]:
        """The module and the name that a name or ``module.name`` stands for; raises UnsupportedError."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, (self.name, node.id))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = self.imported.get(node.value.id, ("", ""))
            return f"{module}.{name}" if name else module, node.attr
        raise UnsupportedError(f"{ast.unparse(node)} is no name")


class Package:
    """Every module below a folder that is on the path of imports."""

    def __init__(self, root: Path, files: Iterator[Path]) -> None:
        self.modules: dict[Path, Module] = {}
        for file in files:
            parts = file.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            self.modules[file] = Module.read(name, file.read_text(encoding="utf-8"), is_package)
        self._by_name = {module.name: module for module in self.modules.values()}

    def read(self, module: Module, node: ast.ClassDef) -> DataclassSource | None:
        """The class if ``@dataclass`` decorates it; raises UnsupportedError."""
        decorators = [each for each in node.decorator_list if self._is(module, _called(each), "dataclass")]
        if not decorators:
            return None
        if decorators != node.decorator_list[-1:]:
            raise UnsupportedError("another decorator comes before @dataclass")
        parameters = _parameters(decorators[0])
        bases = tuple(base for each in node.bases if (base := self._base(module, each)))
        if node.keywords or len(bases) > 1:
            raise UnsupportedError("has a metaclass, or several dataclasses as bases")
        own = tuple(self._fields(module, node, parameters["kw_only"]))
        merged = {each.name: each for base in bases for each in base.fields} | {each.name: each for each in own}
        return DataclassSource(
            node=node,
            decorator=decorators[0],
            parameters=parameters,
            own=own,
            fields=tuple(merged.values()),
            inherited_slots=frozenset().union(*(base.slots for base in bases)),
            bases=bases,
        )

    def _base(self, module: Module, node: ast.expr) -> DataclassSource | None:
        if isinstance(node, ast.Subscript):
            node = node.value
        origin, name = module.origin(node)
        if name in PLAIN_BASES and origin not in self._by_name:
            return None
        found = self._by_name.get(origin)
        while found and name not in found.classes and name in found.imported:  # a package that passes a name on
            origin, name = found.imported[name]
            found = self._by_name.get(origin)
        if found is None or name not in found.classes:
            raise UnsupportedError(f"its base {name} is not a class of this package")
        base = self.read(found, found.classes[name])
        if base is None:
            raise UnsupportedError(f"its base {name} is no dataclass")
        return base

    def _is(self, module: Module, node: ast.expr, name: str) -> bool:
        try:
            return module.origin(node) in (("dataclasses", name), ("typing", name))
        except UnsupportedError:
            return False

    def _fields(self, module: Module, node: ast.ClassDef, kw_only: bool) -> Iterator[FieldSource]:
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign):
                continue
            if not isinstance(statement.target, ast.Name) or statement.target.id.startswith("__"):
                raise UnsupportedError(f"{ast.unparse(statement.target)} is no plain field")
            kind = self._kind(module, statement.annotation)
            if kind == "KW_ONLY":
                kw_only = True
                continue
            plain = FieldSource(
                name=statement.target.id, owner=node.name, kind=kind, value=statement.value, statement=statement,
                has_default=statement.value is not None, kw_only=kw_only,
            )  # fmt: skip
            value = statement.value
            yield (
                _configured(plain, value)
                if isinstance(value, ast.Call) and self._is(module, value.func, "field")
                else plain
            )

    def _kind(self, module: Module, annotation: ast.expr) -> str:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        special = [name for name in ("ClassVar", "InitVar", "KW_ONLY") if self._is(module, head, name)]
        return special[0] if special else "field"


def _configured(plain: FieldSource, call: ast.Call) -> FieldSource:
    """The field as the arguments of ``field(...)`` say."""
    given = {each.arg: each.value for each in call.keywords}
    settings: dict[str, object] = {}
    for name in ("init", "repr", "compare", "hash", "kw_only"):
        if name in given:
            settings[name] = _literal(given[name])
    if call.args or None in given:
        raise UnsupportedError(f"{plain.name} is declared with arguments that are not named")
    declared = {**vars(plain), **settings}
    declared |= {"is_call": True, "has_default": "default" in given, "has_factory": "default_factory" in given}
    return FieldSource(**declared)


def _parameters(decorator: ast.expr) -> Mapping[str, bool]:
    if not isinstance(decorator, ast.Call):
        return PARAMETERS
    given = {each.arg or "": bool(_literal(each.value)) for each in decorator.keywords}
    if decorator.args or given.keys() - PARAMETERS.keys():
        raise UnsupportedError(f"{ast.unparse(decorator)} says more than is known")
    return {**PARAMETERS, **given}


def _literal(node: ast.expr) -> object:
    if isinstance(node, ast.Constant) and node.value in (True, False, None):
        return node.value
    raise UnsupportedError(f"{ast.unparse(node)} is not written as True or False")


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _names_set(node: ast.ClassDef) -> set[str]:
    names = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            names |= {
                each.id for target in statement.targets for each in ast.walk(target) if isinstance(each, ast.Name)
            }
    return names
