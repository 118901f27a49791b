"""What is cut out of installed packages, or changed in them, is named exactly: another release stops the build."""

from __future__ import annotations

from pathlib import Path

import pytest
from layer_build.packages import Replacement, drop, replace


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "old").mkdir(parents=True)
    (tmp_path / "shop" / "old" / "attic.py").write_text("")
    (tmp_path / "shop" / "native.c").write_text("")
    (tmp_path / "shop" / "main.py").write_text("ONE = 1\nTWO = ONE + 1\n")
    (tmp_path / "shop-1.0.dist-info").mkdir()
    for name in ("METADATA", "RECORD", "LICENSE"):
        (tmp_path / "shop-1.0.dist-info" / name).write_text("")
    return tmp_path


def test_folders_files_and_the_installers_notes_go(packages: Path) -> None:
    drop(packages, ["shop/old", "shop/native.c"])
    left = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert left == {"shop/main.py", "shop-1.0.dist-info/METADATA", "shop-1.0.dist-info/LICENSE"}


def test_what_is_to_go_has_to_be_there(packages: Path) -> None:
    with pytest.raises(LookupError, match="no shop/new to leave out"):
        drop(packages, ["shop/new"])


def test_a_text_is_replaced_where_it_stands_once(packages: Path) -> None:
    replace(packages, (Replacement("shop/main.py", "ONE + 1", "2"),))
    assert (packages / "shop" / "main.py").read_text() == "ONE = 1\nTWO = 2\n"


@pytest.mark.parametrize("old", ["THREE", "ONE"])
def test_a_text_that_is_not_there_once_stops_the_build(packages: Path, old: str) -> None:
    with pytest.raises(LookupError, match=f"main.py does not hold once: {old}"):
        replace(packages, (Replacement("shop/main.py", old, "3"),))
