"""Checksums of S3 objects that moto computes wrongly: without C libraries it takes CRC32 for CRC32C and CRC64NVME.

The AWS CLI of version 2 uploads with CRC64NVME and compares what it downloads. Sources: "Checking object integrity" in
the S3 User Guide (which algorithms there are); the catalogue of parametrised CRC algorithms (CRC-64/NVME and
CRC-32/ISCSI).
"""

from __future__ import annotations

import base64
import functools
from typing import Any

# Algorithm -> reversed polynomial, bytes. Both begin with all bits set, and end with all bits turned.
_POLYNOMIALS = {"CRC64NVME": (0x9A6C9329AC4BC9B5, 8), "CRC32C": (0x82F63B78, 4)}
MAX_BYTES = 8 * 1024 * 1024  # in plain Python, 2 to 6 seconds


def correct_checksums() -> None:
    """Have moto compute both, and state none for a multipart upload that is too large to compute it."""
    from moto.s3 import models, responses

    compute = getattr(models, "_moto_compute_checksum", models.compute_checksum)
    builder = models.MultipartChecksumBuilder
    build = getattr(builder, "_moto_build", builder.build)

    def compute_checksum(body: bytes, algorithm: str, encode_base64: bool = True) -> bytes:
        if algorithm not in _POLYNOMIALS:
            return bytes(compute(body, algorithm, encode_base64))
        if len(body) > MAX_BYTES:
            raise NotImplementedError(f"computing {algorithm} of more than {MAX_BYTES} bytes")
        digest = crc(body, algorithm)
        return base64.b64encode(digest) if encode_base64 else digest

    def build_unless_too_large(self: Any) -> Any:
        is_too_large = len(self.complete_object) > MAX_BYTES
        return None if is_too_large and self.checksum_algorithm in _POLYNOMIALS else build(self)

    builder._moto_build, builder.build = build, build_unless_too_large
    models._moto_compute_checksum = compute
    models.compute_checksum = responses.compute_checksum = compute_checksum


def crc(body: bytes, algorithm: str) -> bytes:
    """The checksum of ``body``, big-endian."""
    _, size = _POLYNOMIALS[algorithm]
    table = _table(algorithm)
    every_bit = (1 << 8 * size) - 1
    value = every_bit
    for byte in body:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return (value ^ every_bit).to_bytes(size, "big")


@functools.cache
def _table(algorithm: str) -> tuple[int, ...]:
    polynomial, _ = _POLYNOMIALS[algorithm]
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)  # noqa: PLW2901
        table.append(value)
    return tuple(table)
