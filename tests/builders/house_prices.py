"""A synthetic table for the house-prices model, with numbers, categories and gaps, and its jobs done once."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import yaml

from tests.builders.tabular_jobs import ROOT, Run, data_contract

SPEC = yaml.safe_load((ROOT / "models" / "house-prices.yaml").read_text())
CONTRACT = data_contract(SPEC)
HEADER = "area_m2,rooms,year_built,km_to_centre,energy_class,district,price"
DISTRICTS = {"North": 20, "Old Town": 90, 'The "Hill", west': 60}
ROWS = 400
ROW = "80,2,1975,4.5,C,North"  # a live one


def house_lines(seed: int, rows: int) -> list[str]:
    """Synthetic homes, in which every twentieth area, class or district is missing."""
    draw = random.Random(seed)
    lines = []
    for at in range(rows):
        area, built = draw.randint(30, 200), draw.randint(1900, 2024)
        km, energy, district = draw.uniform(0, 20), draw.choice("ABCDEFG"), draw.choice(list(DISTRICTS))
        price = 2.5 * area - 6 * km - 8 * "ABCDEFG".index(energy) + DISTRICTS[district] + draw.gauss(0, 10)
        cells = [f"{area}", f"{area // 30}", f"{built}", f"{km:.2f}", energy, district, f"{price:.1f}"]
        if at % 20 == 0:
            cells[draw.choice((0, 4, 5))] = ""
        lines.append(",".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in cells))
    return lines


def house_csv(seed: int, rows: int) -> bytes:
    return "\n".join([HEADER, *house_lines(seed, rows)]).encode()


def done(root: Path) -> Run:
    """All three jobs, done: half of the rows in a plain file, half in a packed one, one row without a target."""
    run = Run(root)
    files = {
        "data/house-prices/may.csv": house_csv(1, ROWS // 2),
        "data/house-prices/june.csv.gz": gzip.compress(house_csv(2, ROWS // 2) + b"\n50,1,1950,3.5,A,North,"),
    }
    assert run.preprocess(files, CONTRACT).code == 0
    assert run.train("--eta", "0.2", "--max_depth", "4", "--num_round", "60").code == 0
    assert run.evaluate().code == 0
    return run
