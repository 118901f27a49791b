"""Gzip files: read as the standard library reads them, but never much longer than their text is worth."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.data_contract.file_text import BLOCK, FileText

GOOD = gzip.compress(b"age,risk\n30,1\n" * 10)
MB = 8 << 20


def times(part: bytes) -> bytes:
    return part * (MB // len(part))


CRAFTED = {
    "padding behind the content": GOOD + bytes(MB),
    "padding between members": GOOD + bytes(MB) + GOOD,
    "a name without end": b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * MB,
    "a comment without end": b"\x1f\x8b\x08\x10" + bytes(6) + b"a" * MB,
    "long headers": times(b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff" + b"x" * 65_535 + GOOD[10:]),
    "empty members": times(gzip.compress(b"")) + GOOD,
    "empty blocks": b"\x1f\x8b\x08\x00" + bytes(6) + times(b"\x00\x00\x00\xff\xff"),
    "members of one character": times(gzip.compress(b"1")),
    "members of one line": times(gzip.compress(b"age,risk\n")),
}


@pytest.mark.parametrize("content", CRAFTED.values(), ids=CRAFTED)
@pytest.mark.parametrize("budget", [None, 100, 64 << 20])
def test_a_gzip_file_without_much_text_is_refused_before_it_is_read(content: bytes, budget: int | None) -> None:
    source = io.BytesIO(content)
    text = FileText(source, budget_bytes=budget)
    for _ in text.pieces():
        pass
    if budget is None or not text.is_cut:
        assert text.flaw is not None
        rule, reason = text.flaw
        assert rule == "gzip"
        assert "pack the text again" in reason
    assert source.tell() < 2 << 20


def test_a_late_file_is_read_no_further() -> None:
    asked = 0

    def is_late() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    source = io.BytesIO(b"30,1\n" * 1_000_000)
    text = FileText(source, is_late=is_late)
    assert not any(is_last for _, is_last in text.pieces())
    assert text.is_cut
    assert text.flaw is None
    assert source.tell() <= 3 * BLOCK


member = st.builds(
    lambda content, level, padding: gzip.compress(content, level) + bytes(padding),
    st.one_of(st.just(b""), st.just(b"30,1\n" * 40_000), st.text(max_size=200).map(str.encode)),
    st.sampled_from([0, 1, 9]),
    st.integers(0, 3),
)


@given(st.lists(member, min_size=1, max_size=5).map(b"".join), st.data())
def test_what_is_read_is_what_the_standard_library_reads(packed: bytes, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        packed = packed[: data.draw(st.integers(2, len(packed)))]
    try:
        wanted: bytes | None = gzip.decompress(packed)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        wanted = None
    text = FileText(io.BytesIO(packed), "latin-1")
    found = "".join(piece for piece, _ in text.pieces())
    if wanted is None:
        assert text.flaw is not None
        assert text.flaw[0] == "gzip"
    elif text.flaw is None:
        assert found.encode("latin-1") == wanted
    else:
        assert text.flaw[0] == "csv"  # what begins like another format
