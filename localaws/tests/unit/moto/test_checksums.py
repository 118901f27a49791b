"""Checksums that the local AWS computes itself."""

from __future__ import annotations

import pytest

from localaws.moto.checksums import crc


@pytest.mark.parametrize(
    ("algorithm", "check"),
    [
        ("CRC64NVME", "ae8b14860a799888"),
        ("CRC32C", "e3069283"),
    ],
)
def test_each_algorithm_has_the_check_value_of_the_catalogue(algorithm: str, check: str) -> None:
    """The checksum of the text 123456789, by which the catalogue of CRC algorithms identifies each."""
    assert crc(b"123456789", algorithm).hex() == check
