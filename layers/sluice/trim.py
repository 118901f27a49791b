"""Cuts a freshly installed package folder down to what the layer uses. Run by the layer's Makefile.

Standard library only and any Python 3: it runs on whatever machine builds the layer.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CALLED_BY_BOTOCORE = frozenset({"headbucket", "createsession"})
"""S3 operations of botocore's own: for redirects between regions, and for directory buckets."""


def services_in(text: str) -> frozenset[str]:
    """The names in a list with one name a line; ``#`` starts a comment."""
    names = (line.split("#")[0].strip() for line in text.splitlines())
    return frozenset(name for name in names if name)


def names_in(sources: Iterable[str]) -> frozenset[str]:
    """Every name in the sources, lower-case and without underscores: among them all operations that are called."""
    return frozenset(name.replace("_", "") for text in sources for name in re.findall(r"[a-z][a-z0-9_]+", text))


def trim_botocore(data: Path, services: frozenset[str], names: frozenset[str]) -> None:
    """Drop the data of all other services, and of these the operations that ``names`` does not hold.

    Raises LookupError for a service that botocore does not have.
    """
    unknown = sorted(name for name in services if not (data / name).is_dir())
    if unknown:
        raise LookupError(f"botocore has no service {', '.join(unknown)}")
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for examples in data.glob("*/*/examples-1.json*"):
        examples.unlink()
    _trim_endpoints(data / "endpoints.json", {_endpoint_prefix(data / name) for name in services})
    for model in data.glob("*/*/service-2.json.gz"):
        _trim_service(model, names | CALLED_BY_BOTOCORE)


def _trim_service(file: Path, names: frozenset[str]) -> None:
    """A client's creation parses the model and makes a method for each operation: SageMaker has over 400."""
    model = json.loads(gzip.decompress(file.read_bytes()))
    kept = {name: operation for name, operation in model["operations"].items() if name.lower() in names}
    model["operations"] = kept
    model["shapes"] = {name: model["shapes"][name] for name in sorted(_reachable(kept.values(), model["shapes"]))}
    for part in ("operations", "shapes"):  # a client's settings keep their texts: botocore wants to find them
        model[part] = _undocumented(model[part])
    file.with_suffix("").write_text(json.dumps(model, separators=(",", ":")))
    file.unlink()
    _keep_entries(file.with_name("paginators-1.json"), "pagination", lambda name, _entry: name in kept)
    _keep_entries(file.with_name("waiters-2.json"), "waiters", lambda _name, entry: entry["operation"] in kept)


def _reachable(operations: Iterable[Any], shapes: dict[str, Any]) -> set[str]:
    """The shapes that operations refer to, and those that these refer to."""
    found: set[str] = set()
    ahead = [shape for operation in operations for shape in _references(operation)]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(_references(shapes[name]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _undocumented(node: Any) -> Any:
    """Without texts for people; a field that is called documentation is described by a mapping and stays."""
    if isinstance(node, dict):
        return {
            key: _undocumented(value)
            for key, value in node.items()
            if key != "documentation" or not isinstance(value, str)
        }
    return [_undocumented(value) for value in node] if isinstance(node, list) else node


def _keep_entries(file: Path, section: str, is_kept: Callable[[str, Any], bool]) -> None:
    """Drop the entries of a section that are not to be kept; botocore looks for the file, so an empty one stays."""
    packed = file.with_suffix(".json.gz")
    if packed.exists():
        file.write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    if file.exists():
        document = json.loads(file.read_text())
        document[section] = {name: entry for name, entry in document[section].items() if is_kept(name, entry)}
        file.write_text(json.dumps(document, separators=(",", ":")))


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


def main(packages: Path, service_list: Path, sources: Path) -> None:
    names = names_in(path.read_text(encoding="utf-8") for path in sources.rglob("*.py"))
    trim_botocore(packages / "botocore" / "data", services_in(service_list.read_text()), names)
    trim_packages(packages)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
