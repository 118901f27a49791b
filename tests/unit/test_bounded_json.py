"""JSON within bounds: what is beyond them is refused with a text that quotes nothing of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.bounded_json import MAX_DEPTH, BoundsError, parse_json, parse_moment


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("{secret", "no JSON"),
        (b"\xff", "no JSON"),
        ("9" * 39, "38 digits"),
        ("-" + "9" * 310, "38 digits"),
        ('{"a": ' + "9" * 5_000 + "}", "38 digits"),
        ("[" * 900 + "]" * 900, "nested"),
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('[["a\\udc00"]]', "surrogate"),
        (" " * (1 << 20) + "1", "bytes"),
    ],
)
def test_what_is_beyond_a_bound_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(BoundsError, match=why) as raised:
        parse_json(text)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_what_is_within_the_bounds_is_read() -> None:
    assert parse_json('{"a": [1, -2.5, null, true, "\\ud83d\\ude00é"]}') == {"a": [1, -2.5, None, True, "😀é"]}
    assert parse_json("9" * 38) == int("9" * 38)
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_json(text)
        parse_json(text.encode(errors="surrogatepass"))
    except BoundsError:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        None,
        7,
        [],
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31",
        "1999-12-31",
    ],
)
def test_a_time_that_arithmetic_may_break_is_refused(text: object) -> None:
    with pytest.raises(BoundsError, match="time"):
        parse_moment(text)


def test_a_time_is_in_utc() -> None:
    assert parse_moment("2026-03-04T10:00:00+02:00") == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert parse_moment("2026-03-04T10:00:00") == datetime(2026, 3, 4, 10, tzinfo=UTC)
