"""The layer's bill of materials, as `make sbom` writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from security import sbom

ROOT = Path(__file__).parents[3]


def test_it_lists_what_the_layer_ships_with_its_hashes_and_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert sbom.write(first) == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert sbom.write(second) == 0
    assert first.read_bytes() == second.read_bytes()
    bill = json.loads(first.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    lock = (ROOT / "layers" / "sluice" / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    assert {each["name"]: each["version"] for each in bill["components"]} == pinned
    hashes = {
        each["content"]
        for component in bill["components"]
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    }
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", lock))
