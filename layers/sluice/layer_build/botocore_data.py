"""Cuts the data of a freshly installed botocore down to what the layer uses, and packs it."""

from __future__ import annotations

import gzip
import json
import marshal
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CALLED_BY_BOTOCORE = frozenset({"headbucket", "createsession"})
"""S3 operations of botocore's own: for redirects between regions, and for directory buckets."""


def trim(data: Path, services: frozenset[str], operations: frozenset[str]) -> None:
    """Drop the data of all other services, and of these older versions and operations that are not named.

    Raises LookupError for a service that botocore does not have.
    """
    unknown = sorted(name for name in services if not (data / name).is_dir())
    if unknown:
        raise LookupError(f"botocore has no service {', '.join(unknown)}")
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for name in services:
        for version in _versions(data / name)[:-1]:
            shutil.rmtree(version)
    for examples in data.glob("*/*/examples-1.json*"):
        examples.unlink()
    _trim_endpoints(data / "endpoints.json", {_endpoint_prefix(data / name) for name in services})
    for model in data.glob("*/*/service-2.json.gz"):
        _trim_service(model, operations | CALLED_BY_BOTOCORE)


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
    model = json.loads(gzip.decompress((_versions(service)[-1] / "service-2.json.gz").read_bytes()))
    return str(model["metadata"]["endpointPrefix"])


def _versions(service: Path) -> list[Path]:
    """The folders of the service's API versions; clients are made for the last."""
    return sorted(version for version in service.iterdir() if version.is_dir())


PACKED = ".marshal"
MARSHAL_FORMAT = 4
"""Written and read alike by every Python from 3.4 on."""


def pack(data: Path) -> None:
    """Write each document as what ``marshal`` reads in a fifth of the time that its JSON takes."""
    for file in sorted(path for pattern in ("*.json", "*.json.gz") for path in data.rglob(pattern)):
        text = file.read_bytes()
        document = json.loads(gzip.decompress(text) if file.suffix == ".gz" else text)
        packed = file.with_name(file.name.removesuffix(".gz").removesuffix(".json") + PACKED)
        packed.write_bytes(marshal.dumps(document, MARSHAL_FORMAT))
        file.unlink()
