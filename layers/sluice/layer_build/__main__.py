"""``python3 -m layer_build PACKAGES``: makes of installed packages and our own what the layer carries.

Run in the layer's folder, on a folder that holds what requirements.txt names and ``sluice``. Bytecode is compiled
after it, by the Makefile, as that takes Lambda's Python.
"""

from __future__ import annotations

import sys
from pathlib import Path

from layer_build import botocore_data, dataclass_expansion, deferred_imports, packages
from layer_build.called_operations import called_operations
from layer_build.deferred_imports import Deferral
from layer_build.lists import lines_of

EXPANDED = ("sluice", "botocore/context.py", "botocore/plugin.py")
"""Where dataclasses are that a cold start defines."""


def build(folder: Path, layer: Path) -> None:
    """Raises LookupError or DeferralError where a package is not as these steps know it."""

    def listed(name: str) -> list[str]:
        return list(lines_of((layer / name).read_text(encoding="utf-8")))

    data = folder / "botocore" / "data"
    sources = [path.read_text(encoding="utf-8") for path in (folder / "sluice").rglob("*.py")]
    botocore_data.trim(data, frozenset(listed("botocore-services.txt")), called_operations(sources))
    botocore_data.pack(data)
    packages.drop(folder, listed("unshipped.txt"))
    packages.replace(folder)
    deferred_imports.defer(folder, (Deferral(*line.split()) for line in listed("deferred-imports.txt")))
    for reason in dataclass_expansion.expand(folder, EXPANDED).left:
        print(f"keeps its decorator: {reason}")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path.cwd())
