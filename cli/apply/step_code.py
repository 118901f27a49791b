"""Which scripts each job of a pipeline is given: no more than it needs, so that no other one changes its cache key.

A definition asks for them by a token: ``${CodePrefix_train}`` is the S3 URI of ``train.py`` with what it needs, and
``${CodePrefix}`` that of all scripts.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cli.apply.definition import Definition
from cli.failures import BadInputError

_TOKEN = re.compile(r"\$\{(CodePrefix(?:_(\w+))?)\}")

_IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True, slots=True, eq=False)
class StepCode:
    """The scripts behind one token of a definition."""

    token: str
    entry: str
    """The file name of the job's script; empty if the job is given all scripts."""
    scripts: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """A hash of the scripts, so that code is uploaded under a name that changes with it."""
        digest = hashlib.sha256()
        for name, content in self.scripts.items():
            digest.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
        return digest.hexdigest()


def step_codes(definition: Definition) -> list[StepCode]:
    """The code of each token in the definition, in order; ``BadInputError`` for a script not there, or no Python."""
    tokens = dict.fromkeys(_TOKEN.findall(definition.text))
    return [_step_code(definition, token, script) for token, script in tokens]


def needed_scripts(scripts: Mapping[str, bytes], entry: str) -> dict[str, bytes]:
    """``entry`` with the scripts that it imports or names as text, and those that these need, in order of name.

    ``import_module("features")`` is followed as ``import features`` is; a name that is not written in that call is not:
    such a script has to be named as text, as ``"features.py"``.

    Raises:
        BadInputError: one of them is not Python.
    """
    needed: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other for other in _mentioned(name, scripts[name]) if other in scripts]
    return {name: scripts[name] for name in sorted(needed)}


def _step_code(definition: Definition, token: str, script: str) -> StepCode:
    if not script:
        return StepCode(token, "", definition.scripts)
    entry = f"{script}.py"
    if entry not in definition.scripts:
        there = ", ".join(definition.scripts) or "none"
        raise BadInputError(f"Pipeline {definition.name} asks for the code of {entry}; its scripts are: {there}")
    try:
        return StepCode(token, entry, needed_scripts(definition.scripts, entry))
    except BadInputError as error:
        raise BadInputError(f"Pipeline {definition.name}: {error}") from error


def _mentioned(script: str, source: bytes) -> Iterator[str]:
    """The file names of the modules that a script imports, and every text in it."""
    for node in ast.walk(_parsed(script, source)):
        if isinstance(node, ast.Import):
            yield from (_file_of(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield _file_of(node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _IMPORTERS:
            named = node.args[0] if node.args else None
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                yield _file_of(named.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _file_of(module: str) -> str:
    return f"{module.partition('.')[0]}.py"


def _parsed(script: str, source: bytes) -> ast.Module:
    try:
        return ast.parse(source, script)
    except SyntaxError as error:
        raise BadInputError(f"{script}, line {error.lineno}: {error.msg}") from error
    except ValueError as error:  # it has a NUL character, on Python 3.11
        raise BadInputError(f"{script} cannot be read as Python: {error}") from error
