"""Cuts a freshly installed package folder down to what the layer uses. Run by the layer's Makefile.

Standard library only and any Python 3: it runs on whatever machine builds the layer.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path


def services_in(text: str) -> frozenset[str]:
    """The names in a list with one name a line; ``#`` starts a comment."""
    names = (line.split("#")[0].strip() for line in text.splitlines())
    return frozenset(name for name in names if name)


def trim_botocore(data: Path, services: frozenset[str]) -> None:
    """Drop the data of all other services; raises LookupError for a service that botocore does not have."""
    unknown = sorted(name for name in services if not (data / name).is_dir())
    if unknown:
        raise LookupError(f"botocore has no service {', '.join(unknown)}")
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for examples in data.glob("*/*/examples-1.json*"):
        examples.unlink()
    _trim_endpoints(data / "endpoints.json", {_endpoint_prefix(data / name) for name in services})


def _trim_endpoints(endpoints: Path, prefixes: set[str]) -> None:
    """A client's creation parses this file: whole, it costs more than the rest of the client."""
    document = json.loads(endpoints.read_text())
    for partition in document["partitions"]:
        kept = {prefix: entry for prefix, entry in partition["services"].items() if prefix in prefixes}
        partition["services"] = kept
    endpoints.write_text(json.dumps(document, separators=(",", ":")))


def _endpoint_prefix(service: Path) -> str:
    """What endpoints.json calls the service, e.g. ``api.sagemaker``."""
    newest = max(version for version in service.iterdir() if version.is_dir())
    model = json.loads(gzip.decompress((newest / "service-2.json.gz").read_bytes()))
    return str(model["metadata"]["endpointPrefix"])


def trim_packages(packages: Path) -> None:
    """Drop console scripts and the installer's notes; licences and METADATA stay."""
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for note in ("INSTALLER", "RECORD", "REQUESTED", "WHEEL", "top_level.txt", "direct_url.json"):
        for path in packages.glob(f"*.dist-info/{note}"):
            path.unlink()


def main(packages: Path, service_list: Path) -> None:
    trim_botocore(packages / "botocore" / "data", services_in(service_list.read_text()))
    trim_packages(packages)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
