"""Uploads: whose they are, and what speaks against them."""

from __future__ import annotations

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.dataset import PEEK_BYTES, flaw, model_of
from sluice.spec import ModelSpec

from tests.unit.spec_examples import spec_with

DATA = ModelSpec.parse(spec_with()).data  # columns age, shop; target risk
GOOD = b"age,shop,risk\n30,a,1\n"


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("data/fraud/march.csv", "fraud"),
        ("data/fraud/2026/may/teil a+b.csv", "fraud"),
        ("data/fraud/", None),
        ("data/fraud/2026/", None),
        ("data/fraud", None),
        ("data//march.csv", None),
        ("data/", None),
        ("database/fraud/march.csv", None),
        ("manifests/fraud/x.manifest", None),
    ],
)
def test_a_key_names_its_model(key: str, model: str | None) -> None:
    assert model_of(key) == model


ACCEPTED = {
    "as the spec has it": ("a.csv", GOOD),
    "other order, more columns, spaces": ("a.csv", b"risk, id ,shop,age\n"),
    "byte order mark": ("a.csv", b"\xef\xbb\xbf" + GOOD),
    "windows line ends": ("a.csv", b"age,shop,risk\r\n30,a,1\r\n"),
    "quoted": ("a.csv", b'"age","shop","risk"\n'),
    "no line end": ("a.csv", b"age,shop,risk"),
    "gzip": ("a.csv.gz", gzip.compress(GOOD)),
}


@pytest.mark.parametrize(("key", "start"), ACCEPTED.values(), ids=ACCEPTED)
def test_nothing_speaks_against_it(key: str, start: bytes) -> None:
    assert flaw(key, len(start), start, DATA) is None


def test_only_the_beginning_of_a_large_gzip_is_needed() -> None:
    noise = random.Random(7).randbytes(4 * PEEK_BYTES).hex().encode()
    packed = gzip.compress(GOOD + noise)
    assert len(packed) > PEEK_BYTES
    assert flaw("a.csv.gz", len(packed), packed[:PEEK_BYTES], DATA) is None


REFUSED = {
    "empty": ("a.csv", b"", "the file is empty"),
    "blank first line": ("a.csv", b"\nage,shop,risk\n", "the first line, which should name the columns, is blank"),
    "only separators": ("a.csv", b",,\n", "the first line, which should name the columns, is blank"),
    "no header": ("a.csv", b"30,a,1\n", "columns age, shop, risk are missing; the first line names 30, a, 1"),
    "one missing": ("a.csv", b"age,risk\n", "columns shop are missing; the first line names age, risk"),
    "names differ by case": ("a.csv", b"Age,shop,risk\n", "columns age are missing"),
    "not text": ("a.csv", b"\x89PNG\xff\xfe\n", "the file is not UTF-8 text (byte 0)"),
    "not gzip": ("a.csv.gz", GOOD, "the name ends in .gz but the content is not gzip"),
    "gzip by content only": ("a.csv", gzip.compress(GOOD), "the file is not UTF-8 text (byte 1)"),
    "empty gzip": ("a.csv.gz", gzip.compress(b""), "the first line, which should name the columns, is blank"),
    "a field beyond all limits": ("a.csv", b'"' + b"x" * 140_000, "the first line is not CSV"),
}


@pytest.mark.parametrize(("key", "start", "why"), REFUSED.values(), ids=REFUSED)
def test_it_says_what_is_wrong(key: str, start: bytes, why: str) -> None:
    found = flaw(key, len(start), start, DATA)
    assert found is not None
    assert found.startswith(why)


def test_an_endless_header_is_cut_in_the_reason() -> None:
    found = flaw("a.csv", 1, ",".join(f"column{n}" for n in range(1000)).encode(), DATA)
    assert found is not None
    assert len(found) < 400


@given(content=st.binary(max_size=300), packed=st.booleans())
def test_any_bytes_are_judged_without_a_crash(content: bytes, packed: bool) -> None:
    found = flaw("a.csv.gz" if packed else "a.csv", len(content), content, DATA)
    assert found is None or found.strip()
