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
    """The code of each token in the definition, in order; raises ``BadInputError`` for a script that is not there."""
    tokens = dict.fromkeys(_TOKEN.findall(definition.text))
    return [_step_code(definition, token, script) for token, script in tokens]


def needed_scripts(scripts: Mapping[str, bytes], entry: str) -> dict[str, bytes]:
    """``entry`` with the scripts that it imports or names as text, and those that these need, in order of name."""
    needed: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other for other in _mentioned(scripts[name]) if other in scripts]
    return {name: scripts[name] for name in sorted(needed)}


def _step_code(definition: Definition, token: str, script: str) -> StepCode:
    if not script:
        return StepCode(token, "", definition.scripts)
    entry = f"{script}.py"
    if entry not in definition.scripts:
        there = ", ".join(definition.scripts) or "none"
        raise BadInputError(f"Pipeline {definition.name} asks for the code of {entry}; its scripts are: {there}")
    return StepCode(token, entry, needed_scripts(definition.scripts, entry))


def _mentioned(source: bytes) -> Iterator[str]:
    """The file names of the modules that a script imports, and every text in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name.partition('.')[0]}.py" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{(node.module or '').partition('.')[0]}.py"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
