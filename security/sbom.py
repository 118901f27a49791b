"""Writes the layer's bill of materials: what it ships beside our own code, with the hashes by which it is pinned."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from security.deployed_template import ROOT

OUTPUT = ROOT / "dist" / "sluice-layer.cdx.json"


def write(output: Path = OUTPUT) -> int:
    """A CycloneDX file; the same bytes for the same requirements, wherever and whenever. The exit status."""
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [ROOT / ".venvs/cyclonedx/bin/cyclonedx-py", "requirements", "layers/sluice/requirements.txt",
         "--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON", "--output-file", output],
        cwd=ROOT,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"},  # it sets a time
    )  # fmt: skip
    print(f"wrote {output}")
    return 0
