"""Files that are made to hang or to break the command, and numbers that only YAML 1.1 reads as it does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli.apply.bounded_yaml import load_yaml
from cli.apply.specfile import load
from cli.failures import SpecFilesError

LEVELS = "\n".join(f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 12))
MERGES = "\n".join(f"m{at}: &m{at} {{<<: [{', '.join([f'*m{at - 1}'] * 9)}], k{at}: 1}}" for at in range(1, 12))

BEYOND = {
    "aliases of aliases": (f"a0: &a0 [x, x]\n{LEVELS}\n", "more than 100,000 values"),
    "merges of merges": (f"m0: &m0 {{x: 1}}\n{MERGES}\n", "more than 100,000 values"),
    "900 lists": ("name: " + "[" * 900 + "]" * 900 + "\n", "nested deeper than 30 levels"),
    "100,000 lists": ("[" * 100_000, "nested deeper than 30 levels"),
    "900 mappings": ("\n".join(" " * at + "a:" for at in range(900)) + "\n", "nested deeper than 30 levels"),
    "2 MB": ("name: " + "x" * (2 << 20) + "\n", "more than 1,048,576 bytes"),
}


@pytest.mark.parametrize(("text", "why"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_a_bound_is_refused_at_once_and_says_why(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(SpecFilesError) as refused:
        load(path)
    (problem,) = refused.value.problems
    assert why in str(problem)


def test_an_anchor_that_holds_itself_ends() -> None:
    root, _ = load_yaml("a: &a [*a, 1]\n")
    assert root is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("1:30.5", "1:30.5"),
        ("010", "010"),
        ("-010", "-010"),
        ("0b11", "0b11"),
        ("0", 0),
        ("10", 10),
        ("-7", -7),
        ("+7", 7),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0.5", 0.5),
        ("-1.5e+3", -1500.0),
        (".5", 0.5),
        ("true", True),
    ],
)
def test_a_number_is_what_people_read(text: str, value: object) -> None:
    _, found = load_yaml(f"x: {text}\n")
    assert found == {"x": value}
    assert type(found["x"]) is type(value)


def test_a_number_of_yaml_alone_is_refused_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    shipped = Path(__file__).parents[4] / "models" / "house-prices.yaml"
    raw = yaml.safe_load(shipped.read_text())
    for text in ("1:30", "010"):
        raw["data"]["settle_seconds"] = 99_999_999
        path.write_text(yaml.safe_dump(raw).replace("99999999", text))
        with pytest.raises(SpecFilesError) as refused:
            load(path)
        assert f"'{text}'" in str(refused.value.problems[0]) or text in str(refused.value.problems[0])
