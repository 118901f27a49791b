"""YAML within bounds, and without its traps: what a spec may be is checked before a tree is built of it."""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_DEPTH = 30
MAX_VALUES = 100_000
"""Values of a file, those that an alias stands for counted again each time: ten lines can stand for billions."""

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


class SpecLoader(yaml.SafeLoader):
    """YAML 1.1, but for numbers that only it reads so: ``1:30`` is 90 there, and ``010`` is 8. Here they are texts."""


SpecLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
SpecLoader.add_implicit_resolver(_INT, re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"), list("-+0123456789"))
SpecLoader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"[-+]?(?:(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))$"
        r"|\.(?:nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)


def load_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """The node tree of a file, which has the marks, and the plain values in it.

    Raises:
        yaml.YAMLError: it is no YAML, or beyond a bound; a MarkedYAMLError says where.
    """
    _check(text)
    # Two trees: building the values replaces every "<<" in the tree by what it stands for.
    return yaml.compose(text, Loader=SpecLoader), yaml.load(text, Loader=SpecLoader)  # noqa: S506 - a SafeLoader


def _check(text: str) -> None:
    """Hold the file's events to the bounds: reading them builds nothing, and needs no recursion."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise yaml.YAMLError(f"it has more than {MAX_BYTES:,} bytes")
    count = _Count()
    for event in yaml.parse(text, Loader=SpecLoader):
        count.take(event)
        if len(count.around) > MAX_DEPTH:
            raise _beyond(event, f"it is nested deeper than {MAX_DEPTH} levels")
        if count.values > MAX_VALUES:
            raise _beyond(event, f"there are more than {MAX_VALUES:,} values, with what its aliases stand for")


class _Count:
    """How many values the events so far stand for, and which collections are open."""

    def __init__(self) -> None:
        self.values = 0
        self.around: list[tuple[str | None, int]] = []  # anchor of each open collection, and the values before it
        self._of: dict[str, int] = {}  # values of what an anchor names

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.values += self._of.get(str(event.anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.around.append((event.anchor, self.values))
            self.values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._name(*self.around.pop())
        elif isinstance(event, yaml.ScalarEvent):
            self.values += 1
            self._name(event.anchor, self.values - 1)

    def _name(self, anchor: str | None, before: int) -> None:
        if anchor:
            self._of[anchor] = self.values - before


def _beyond(event: Any, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
