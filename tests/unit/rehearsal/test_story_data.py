"""The story's uploads: repeatable, of the right shape, and from any table with a number to cut by."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import islice
from pathlib import Path

import pytest
import yaml

from rehearsal.material.data import Columns, Dataset, StoryDataError, live_rows, read_rows, uploads_from
from rehearsal.material.fraud import COLUMNS, NARROW_AGE, fraud_uploads

ROOT = Path(__file__).parents[3]
HOMES = Columns(features=("area", "district", "rooms"), numbers=frozenset({"area", "rooms"}), target="price")


def numbers(data: Dataset, name: str) -> list[float]:
    place = data.header.index(name)
    return [float(row[place]) for row in data.rows if row[place]]


def homes(rows: int = 200) -> Dataset:
    """Area spreads evenly; rooms are nearly all three."""
    made = (
        (str(30 + at * 7 % 170), "north" if at % 3 else "", "9" if at == 5 else "3", str(at * 11 % rows))
        for at in range(rows)
    )
    return Dataset(("area", "district", "rooms", "price"), tuple(made))


def test_the_columns_are_those_of_the_shipped_spec() -> None:
    spec = yaml.safe_load((ROOT / "models" / "fraud.yaml").read_text())
    assert tuple(column["name"] for column in spec["data"]["columns"]) == COLUMNS.features
    assert {column["name"] for column in spec["data"]["columns"] if column["type"] == "number"} == COLUMNS.numbers
    assert spec["data"]["target"] == COLUMNS.target


def test_equal_seeds_give_equal_files_and_other_seeds_do_not() -> None:
    assert fraud_uploads(3, 100) == fraud_uploads(3, 100)
    assert fraud_uploads(3, 100).first != fraud_uploads(4, 100).first


def test_the_uploads_of_one_story_differ_from_each_other() -> None:
    uploads = fraud_uploads(3, 100)
    files = {data.to_csv() for data in (uploads.first, uploads.newer, uploads.narrow, uploads.mislabelled)}
    assert len(files) == 4
    assert all(len(list(csv.reader(io.StringIO(file.decode())))) == 101 for file in files)


@pytest.mark.parametrize("seed", range(5))
def test_good_fraud_models_have_seen_the_range_of_all_live_rows(seed: int) -> None:
    """Else one that refuses what lies outside would refuse clients of a release that should go well."""
    uploads = fraud_uploads(seed)
    for name in COLUMNS.features:
        live = numbers(uploads.live, name)
        for data in (uploads.first, uploads.newer):
            seen = numbers(data, name)
            assert min(seen) <= min(live)
            assert max(seen) >= max(live)


def test_the_narrow_extract_has_not_seen_a_good_part_of_the_live_rows() -> None:
    uploads = fraud_uploads(3)
    assert max(numbers(uploads.narrow, "age")) < NARROW_AGE
    unseen = sum(age > max(numbers(uploads.narrow, "age")) for age in numbers(uploads.live, "age"))
    assert 0.1 < unseen / len(uploads.live.rows) < 0.4


def test_live_rows_never_end_and_hold_no_target() -> None:
    uploads = fraud_uploads(3, 50)
    sent = list(islice(live_rows(uploads.live, seed=1), 500))
    assert sent == list(islice(live_rows(uploads.live, seed=1), 500))
    assert {len(row.split(",")) for row in sent} == {7}
    assert set(sent) == {",".join(row[:-1]) for row in uploads.live.rows}


def test_live_rows_quote_what_csv_must_quote() -> None:
    data = Dataset(("street", "price"), (('Hill, "Old"', "1"),))
    assert next(live_rows(data, seed=1)) == '"Hill, ""Old"""'


def test_any_table_is_halved_without_losing_rows_or_range() -> None:
    data = homes()
    uploads = uploads_from(data, HOMES, seed=1)
    assert set(uploads.first.rows) | set(uploads.newer.rows) == set(data.rows)
    assert len(uploads.first.rows) + len(uploads.newer.rows) <= len(data.rows) + 4  # two extremes of two columns
    for name in HOMES.numbers:
        for half in (uploads.first, uploads.newer):
            assert min(numbers(half, name)) == min(numbers(data, name))
            assert max(numbers(half, name)) == max(numbers(data, name))


def test_rows_without_a_target_take_no_part() -> None:
    """Training leaves them out, so what they alone reach would be outside of what a model has seen."""
    data = homes()
    uploads = uploads_from(Dataset(data.header, (*data.rows, ("999", "north", "3", ""))), HOMES, seed=1)
    assert max(numbers(uploads.live, "area")) < 999
    assert set(uploads.live.rows) == set(data.rows)


def test_any_table_is_narrowed_on_its_widest_number() -> None:
    uploads = uploads_from(homes(), HOMES, seed=1)
    limit = max(numbers(uploads.narrow, "area"))
    assert uploads.narrowed == f"only rows with area up to {limit:g}"
    left_out = sum(area > limit for area in numbers(uploads.live, "area"))
    assert 0.2 < left_out / len(uploads.live.rows) < 0.35


def test_mislabelling_deals_out_the_same_targets_anew() -> None:
    uploads = uploads_from(homes(), HOMES, seed=1)
    assert [row[:-1] for row in uploads.mislabelled.rows] == [row[:-1] for row in uploads.first.rows]
    assert sorted(numbers(uploads.mislabelled, "price")) == sorted(numbers(uploads.first, "price"))
    moved = sum(a != b for a, b in zip(uploads.mislabelled.rows, uploads.first.rows, strict=True))
    assert moved > 0.8 * len(uploads.first.rows)


def test_a_file_is_read_with_its_columns_in_the_order_of_live_requests(tmp_path: Path) -> None:
    path = tmp_path / "homes.csv.gz"
    path.write_bytes(gzip.compress("id,price,rooms,district,area\r\n7,1,3,a,50\r\n\r\n".encode("utf-8-sig")))
    assert read_rows(path, HOMES) == Dataset(("area", "district", "rooms", "price"), (("50", "a", "3", "1"),))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"area,rooms\n1,2\n", "no column district, price; the file has area, rooms", id="columns"),
        pytest.param(b"", "no column area", id="empty"),
        pytest.param(b"area,district,rooms,price\n1,2,3\n", "line 2: 3 values, not 4", id="short row"),
        pytest.param("area,é\n".encode("latin-1"), "not UTF-8", id="Latin-1"),
        pytest.param(b"\x1f\x8b cut", "damaged gzip", id="broken gzip"),
    ],
)
def test_a_file_that_cannot_play_the_story_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "homes.csv"
    path.write_bytes(content)
    with pytest.raises(StoryDataError, match=words):
        read_rows(path, HOMES)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoryDataError, match="No such file"):
        read_rows(tmp_path / "homes.csv", HOMES)


def test_too_few_rows_or_nothing_to_cut_by_is_refused() -> None:
    with pytest.raises(StoryDataError, match="79 rows with a target are too few: the story needs 80"):
        uploads_from(homes(79), HOMES, seed=1)
    constant = Dataset(("area", "district", "rooms", "price"), (("5", "a", "3", "1"),) * 100)
    with pytest.raises(StoryDataError, match="no number column"):
        uploads_from(constant, HOMES, seed=1)
