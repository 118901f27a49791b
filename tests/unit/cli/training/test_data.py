"""``sluice data check`` gives the verdict that an upload gets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from cli.failures import BadInputError
from cli.main import command_line
from tests.builders.fake_aws import FakeAws

SPEC = Path(__file__).parents[4] / "models" / "house-prices.yaml"
HEADER = "area_m2,rooms,year_built,km_to_centre,energy_class,district,price\n"
GOOD = HEADER + "80,2,1975,4.5,C,North,200\n"


def check(*files: Path, output: str = "text") -> tuple[int, str]:
    aws = FakeAws()
    arguments = command_line({}).parse_args(["data", "check", str(SPEC), *map(str, files)])
    return int(arguments.run(arguments, aws.session(output))), aws.shown


def test_good_files_are_reported_with_their_rows(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "b.csv.gz"
    plain.write_text(GOOD)
    packed.write_bytes(gzip.compress(GOOD.encode()))
    code, shown = check(plain, packed)
    assert code == 0
    assert shown.splitlines() == [f"{plain}: in order, 1 rows", f"{packed}: in order, 1 rows"]


def test_every_breach_of_every_file_is_reported(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.csv", tmp_path / "b.csv"
    good.write_text(GOOD)
    bad.write_text(GOOD + "x,2,1975,4.5,H,North,1\ny,2,1975,4.5,A,North,1\n")
    code, shown = check(good, bad)
    assert code == 2
    assert f"{bad}: type: column 'area_m2': expected a number, found 'x', 'y' (rows 3, 4), 2 in all" in shown
    assert f"{bad}: categories: column 'energy_class': expected one of A, B, C, D, E, F, G, found 'H' (row 3)" in shown
    told = json.loads(check(good, bad, output="json")[1])
    assert [len(each["breaches"]) for each in told["files"]] == [0, 2]


def test_a_file_in_which_no_row_has_a_target_breaks_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(HEADER + "80,2,1975,4.5,C,North,\n" * 2000)
    code, shown = check(file)
    assert code == 2
    rule = "min_rows: column 'price' has a value in 0 of 2,000 rows; at least 1 are needed (the target)"
    assert shown == f"{file}: {rule}\n"
    file.write_text(GOOD + "80,2,1975,4.5,C,North,\n" * 2000)
    assert check(file)[0] == 0


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.csv: No such file"):
        check(tmp_path / "gone.csv")
