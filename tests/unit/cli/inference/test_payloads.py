"""Payloads of asynchronous requests: what the object is called that SageMaker is to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from cli.inference.payloads import payload_of

NO_SESSION = cast(Any, None)


@pytest.mark.parametrize(
    ("name", "sent_as"),
    [
        ("may 2026.csv", "may_2026.csv"),
        ("a+b%2B#?versionId=1.csv", "a_b_2B__versionId_1.csv"),
        ("cafe\u0301.csv", "cafe_.csv"),
        ("a\x1b[1m.csv", "a__1m.csv"),
        ("n" * 250 + ".csv", "n" * 96 + ".csv"),
    ],
)
def test_an_object_is_sent_under_a_name_that_every_reader_of_uris_reads_alike(
    tmp_path: Path, name: str, sent_as: str
) -> None:
    file = tmp_path / name
    file.write_bytes(b"1,2\n")
    payload = payload_of(NO_SESSION, str(file), None)
    assert (payload.name, payload.given, payload.content_type) == (sent_as, str(file), "text/csv")
    assert re.fullmatch(r"[A-Za-z0-9._-]+", payload.name)
