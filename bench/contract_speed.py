"""How fast a file is held to its data contract, and in how much memory: the numbers of docs/decisions/0007.

    .venv/bin/python bench/contract_speed.py --megabytes 300

The file is made while it is read, so that neither disk nor network is measured.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "sluice"))

from sluice.data_contract.contract import DataContract
from sluice.data_contract.csv_reader import CsvReader
from sluice.data_contract.file_text import FileText
from sluice.data_contract.validation import validate

NUMBERS = ("age", "income", "credit_score", "tenure_months", "utilization", "velocity")
CONTRACT = DataContract.parse(
    {
        "target": "risk",
        "columns": [
            *({"name": name, "type": "number", "min": 0, "max": 1_000_000} for name in NUMBERS),
            {"name": "kind", "type": "category", "categories": ["A", "B", "C"]},
        ],
        "max_missing_share": 0.5,
        "out_of_range": "accept",
    }
)
HEADER = ",".join(CONTRACT.order).encode() + b"\n"


class Made:
    """Blocks of bytes as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = b""

    def read(self, size: int, /) -> bytes:
        while len(self._held) < size and (block := next(self._blocks, b"")):
            self._held += block
        found, self._held = self._held[:size], self._held[size:]
        return found


def rows(missing: float) -> bytes:
    """A megabyte of rows, more or less."""
    draw = random.Random(1)  # noqa: S311  # not for secrets
    lines = [
        f"{draw.randint(18, 80)},{'' if draw.random() < missing else draw.randint(15_000, 180_000)},"
        f"{draw.randint(520, 830)},{draw.randint(1, 180)},{draw.random():.2f},{draw.random():.2f},"
        f"{draw.choice('ABC')},{draw.gauss(10, 3):.2f}\n"
        for _ in range(29_000)
    ]
    return "".join(lines).encode()


def packed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, wbits=31)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    megabytes = parser.parse_args().megabytes
    for missing in (0.0, 0.01):
        block = rows(missing)
        for name in ("plain", "gzip"):
            blocks = [HEADER, *[block] * megabytes]
            # Packed before the clock starts: what packs is the uploader.
            source = iter(list(packed(iter(blocks))) if name == "gzip" else blocks)
            began = time.process_time()
            result = validate(CsvReader(FileText(Made(source))), CONTRACT)
            speed = len(block) * megabytes / 1e6 / (time.process_time() - began)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name}, {missing:.0%} of one column missing: {speed:.0f} MB/s of text, "
                f"{result.rows:,} rows, peak memory {peak:.0f} MB"
            )


if __name__ == "__main__":
    main()
