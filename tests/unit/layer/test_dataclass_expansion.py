"""A class whose methods the build has written out behaves as the one under ``@dataclass``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from layer_build.dataclass_expansion import expand

LAYER = Path(__file__).parents[3] / "layers" / "sluice"
DESCRIBE = Path(__file__).with_name("dataclass_behaviour.py")
INSTALLED = Path(boto3.__file__).parents[1]

EVERYTHING = '''"""All that a dataclass may be."""

from __future__ import annotations

from dataclasses import (
    KW_ONLY,
    InitVar,
    dataclass,
    field,
)
from typing import Annotated, Any, ClassVar, Generic, TypeVar

T = TypeVar("T")


@dataclass
class Plain:
    first: str
    second: str = "two"  # a remark
    listed: list[str] = field(default_factory=list)


@dataclass(
    frozen=True,
    slots=True,
)
class Frozen:
    """Ümläute before the default: columns are counted in characters here, in bytes there."""

    first: Annotated["str", "ä ö ü"] = ("é")
    second: dict[str, int] = field(
        default_factory=dict, compare=False,
    )
    third: tuple[str, ...] = (
        "a",
        "b",
    )

    def method(self) -> str:
        return self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    first: str
    optional: str = ""
    required: str
    COUNT: ClassVar[int] = 3
    KIND: ClassVar = "kind"


@dataclass(slots=True)
class Open:
    first: str
    hidden: str = field(default="h", repr=False)
    left: str = field(default="out", init=False)
    made: list[str] = field(default_factory=list, init=False)


@dataclass(order=True, slots=True)
class Ordered:
    first: str
    second: str = field(default="", compare=False)


@dataclass(order=True, frozen=True)
class OrderedAndFrozen:
    first: str
    second: str = "s"


@dataclass(unsafe_hash=True)
class Hashed:
    first: str
    second: str = field(default="", hash=False)
    third: str = field(default="", hash=True, compare=False)


@dataclass(eq=False)
class Same:
    first: str


@dataclass(repr=False, init=False)
class Bare:
    first: str = "one"


@dataclass(frozen=True, slots=True)
class Base:
    first: str
    second: str = "2"
    third: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.first == "b-first":
            raise ValueError(f"not {self.first}")


@dataclass(frozen=True, slots=True)
class Derived(Base):
    fourth: str = "4"
    second: str = "two"


@dataclass(frozen=True, slots=True)
class DerivedAgain(Derived):
    def __repr__(self) -> str:
        return "again"


@dataclass
class Given:
    first: str
    seed: InitVar[str]
    _: KW_ONLY
    other: InitVar[str] = "o"
    last: str = field(default="l", kw_only=False)

    def __post_init__(self, seed: str, other: str) -> None:
        self.first = self.first + seed + other


@dataclass(frozen=True)
class Its(Generic[T]):
    own: T

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7

    @dataclass(frozen=True)
    class Inner:
        first: str


@dataclass(slots=True)
class ItsEquality:
    own: str

    def __eq__(self, other: object) -> bool:
        return True


@dataclass(frozen=True, slots=True, weakref_slot=True, match_args=False)
class Weak:
    first: str


@dataclass(frozen=True, slots=True)
class Empty:
    pass


ONE = Frozen("made while the module is imported")
'''

LEFT = {
    "another decorator": "import functools\n@dataclass\n@functools.total_ordering\nclass A:\n    x: int\n",
    "an order of its own": "@dataclass(order=True)\nclass A:\n    x: int\n    def __lt__(self, other): return True\n",
    "a base elsewhere": "import enum\n@dataclass\nclass A(enum.Enum):\n    x: int\n",
    "a protocol": "import typing\n@dataclass\nclass A(typing.Protocol):\n    x: int\n",
    "a base that is none": "class B:\n    pass\n@dataclass\nclass A(B):\n    x: int\n",
    "settings from elsewhere": "ON = True\n@dataclass(frozen=ON)\nclass A:\n    x: int\n",
    "a metaclass": "import abc\n@dataclass\nclass A(metaclass=abc.ABCMeta):\n    x: int\n",
    "a default read again": "@dataclass(slots=True)\nclass A:\n    x: int = 1\n    y: int = x + 1\n",
    "one line": "@dataclass\nclass A: x: int\n",
    "a setter of its own": "@dataclass(frozen=True)\nclass A:\n    x: int\n    def __setattr__(self, n, v): ...\n",
}


def described(folder: Path, modules: list[str], python: str = sys.executable) -> dict[str, Any]:
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (folder, INSTALLED))),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([python, DESCRIBE, *modules], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(re.sub(r" at 0x[0-9a-f]+", "", done.stdout))
    return found


def written(folder: Path, source: str) -> Path:
    folder.mkdir()
    (folder / "sample.py").write_text(source)
    return folder


def test_every_kind_of_dataclass_behaves_as_before(tmp_path: Path) -> None:
    source, built = (written(tmp_path / name, EVERYTHING) for name in ("source", "built"))
    report = expand(built, ("sample.py",))
    assert report.left == []
    assert report.expanded == EVERYTHING.count("@dataclass")
    assert "\n@dataclass" not in (built / "sample.py").read_text()
    found, wanted = (described(folder, ["sample"])["sample"] for folder in (built, source))
    assert len(found) == report.expanded
    for name, behaviour in wanted.items():
        assert found[name] == behaviour, name


def test_the_layers_dataclasses_behave_as_in_their_sources(tmp_path: Path) -> None:
    shutil.copytree(LAYER / "sluice", tmp_path / "sluice")
    report = expand(tmp_path, ("sluice",))
    assert report.left == []
    names = [path.relative_to(LAYER).with_suffix("") for path in sorted((LAYER / "sluice").rglob("*.py"))]
    modules = [".".join(name.parts).removesuffix(".__init__") for name in names]
    found = described(tmp_path, modules)
    assert sum(map(len, found.values())) == report.expanded
    assert found == described(LAYER, modules)


@pytest.mark.parametrize("source", LEFT.values(), ids=LEFT)
def test_what_is_not_understood_keeps_its_decorator(source: str, tmp_path: Path) -> None:
    text = f"from dataclasses import dataclass\n{source}"
    (tmp_path / "sample.py").write_text(text)
    report = expand(tmp_path, ("sample.py",))
    assert (report.expanded, len(report.left)) == (0, 1)
    assert report.left[0].startswith("sample.A: ")
    assert (tmp_path / "sample.py").read_text() == text


def test_a_base_may_lie_in_another_module_of_the_package(tmp_path: Path) -> None:
    source, built = tmp_path / "source", tmp_path / "built"
    for folder in (source, built):
        (folder / "shop" / "inner").mkdir(parents=True)
        (folder / "shop" / "__init__.py").write_text("from shop.base import Base as Passed\n")
        (folder / "shop" / "base.py").write_text(
            "from dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass Base:\n"
            "    first: str = 'f'\n    many: list = field(default_factory=list)\n"
        )
        (folder / "shop" / "inner" / "__init__.py").write_text("")
        (folder / "shop" / "inner" / "deep.py").write_text(
            "import dataclasses\nfrom .. import Passed\nfrom ..base import Base\n"
            "@dataclasses.dataclass(frozen=True)\nclass One(Base):\n    second: str = 's'\n"
            "@dataclasses.dataclass(frozen=True)\nclass Two(Passed):\n    second: str = 's'\n"
        )
    assert expand(built, ("shop",)).left == []
    modules = ["shop.base", "shop.inner.deep"]
    assert described(built, modules) == described(source, modules)


def test_lines_above_an_expanded_class_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(EVERYTHING)
    expand(tmp_path, ("sample.py",))
    lines = EVERYTHING.splitlines()
    first = lines.index("class Plain:")
    after = (tmp_path / "sample.py").read_text().splitlines()
    changed = [number for number in range(first + 1) if after[number] != lines[number]]
    assert [lines[number] for number in changed] == [")", "@dataclass"], "an import behind it, and the decorator"
