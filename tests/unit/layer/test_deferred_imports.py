"""An import that is moved into the functions that need it: the module behaves as before, and imports less."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from layer_build.deferred_imports import Deferral, DeferralError, defer, deferred

SOURCE = '''\
"""A module."""

from __future__ import annotations

import os
import dear
from costly import (
    Thing,
    other as another,
)
from .sibling import helper


def use(kind: str) -> str:
    """Uses it."""
    if kind == "none":
        return "nothing"
    elif kind == dear.KIND:
        return "dear"
    elif kind == "thing":
        return Thing.name
    try:
        found = [another(each) for each in "ab"]
    except dear.Error as error:
        found = [str(error)]
    return "".join(found)


class Holder:
    def of(self, thing: Thing) -> str:
        def inner() -> str:
            return helper() + os.sep

        return inner()
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sibling.py").write_text("def helper():\n    return 'helped'\n")
    (package / "main.py").write_text(SOURCE)
    (tmp_path / "dear.py").write_text("KIND = 'k'\nclass Error(Exception): ...\n")
    (tmp_path / "costly.py").write_text(
        dedent("""\
        from dear import Error
        class Thing:
            name = 'thing'
        def other(text):
            if text == 'b':
                raise Error('no b')
            return text
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("shop", "shop.main", "shop.sibling", "shop.moved", "dear", "costly"):
        sys.modules.pop(name, None)


def imported(folder: Path, *names: str) -> ModuleType:
    defer(folder, [Deferral("shop.main", name) for name in names])
    importlib.invalidate_caches()
    return importlib.import_module("shop.main")


def test_what_is_moved_is_imported_when_it_is_needed(folder: Path) -> None:
    main = imported(folder, "dear", "costly", "shop.sibling")
    assert {"dear", "costly", "shop.sibling"} & sys.modules.keys() == set()
    assert main.use("none") == "nothing"
    assert "costly" not in sys.modules
    assert [main.use(kind) for kind in ("k", "thing", "")] == ["dear", "thing", "no b"]
    assert main.Holder().of(None) == "helped/"


def test_a_branch_that_is_not_taken_imports_nothing(folder: Path) -> None:
    main = imported(folder, "costly")
    assert main.use("k") == "dear"
    assert "costly" not in sys.modules


def test_moved_names_stay_attributes_of_the_module(folder: Path) -> None:
    main = imported(folder, "*")
    assert main.another("a") == "a"
    assert main.dear.KIND == "k"
    assert main.Thing is sys.modules["costly"].Thing
    with pytest.raises(AttributeError, match=r"module 'shop.main' has no attribute 'missing'"):
        main.missing  # noqa: B018


def test_lines_keep_their_numbers_down_to_the_first_use() -> None:
    before, after = SOURCE.splitlines(), deferred(SOURCE, "shop.main", {"costly"}).splitlines()
    first_use = before.index("        return Thing.name")
    changed = [line for line, now in zip(before[:first_use], after, strict=False) if line != now]
    assert changed == ["from costly import (", "    Thing,", "    other as another,", ")"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\n", "does not import costly"),
        ("import costly\nX = costly.X\n", "needs costly while it is being imported"),
        ("import costly\ndef f(x=costly.X):\n    return x\n", "needs costly while it is being imported"),
        ("import costly\ndef f(x: costly.X):\n    return x\n", "needs costly while it is being imported"),
        ("import costly\nclass A(costly.B):\n    pass\n", "needs costly while it is being imported"),
        ("import costly\ndef f(): return costly.X\n", "no line to put an import before"),
    ],
)
def test_what_cannot_be_moved_stops_the_build(source: str, message: str) -> None:
    with pytest.raises(DeferralError, match=message):
        deferred(source, "shop.main", {"costly"})


def test_a_name_that_a_submodule_would_hide_stays_where_it_is() -> None:
    source = "from .event_source import event_source\nfrom .event import Event\n"
    lines = deferred(source, "shop", {"*"}, is_package=True).splitlines()
    assert lines[:2] == ["from .event_source import event_source", "# from .event import Event"]


def test_a_module_that_is_gone_stops_the_build(folder: Path) -> None:
    with pytest.raises(DeferralError, match=r"no module shop\.old"):
        defer(folder, [Deferral("shop.old", "os")])
