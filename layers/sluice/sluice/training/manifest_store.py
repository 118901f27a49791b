"""Keeps manifests in the data bucket: written before a run is claimed, read for as long as runs build on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import RetryableError
from sluice.training.manifest import File, Manifest, complete_key, native_key

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts


class ManifestGoneError(RetryableError):
    """A manifest that a run builds on was deleted; once a person restores it, the model's queue goes on."""


def write_manifest(manifest: Manifest, ports: TrainingPorts) -> None:
    """Write both forms of a manifest; writing them again changes nothing."""
    ports.bucket.write(complete_key(manifest.model, manifest.digest), manifest.complete())
    ports.bucket.write(native_key(manifest.model, manifest.digest), manifest.native())


def read_manifest(model: str, digest: str, ports: TrainingPorts) -> Manifest:
    """Read the manifest with this digest.

    Raises:
        ManifestGoneError: it is not there.
    """
    uri = ports.bucket.uri(complete_key(model, digest))
    text = ports.bucket.read(uri)
    if text is None:
        raise ManifestGoneError(f"manifest {digest} of {model} is gone: restore {uri}")
    return Manifest.parse(text)


def known_files(model: str, digest: str, ports: TrainingPorts) -> tuple[File, ...]:
    """All files that a manifest names, left out or not; none where there is no digest."""
    if not digest:
        return ()
    manifest = read_manifest(model, digest, ports)
    return (*manifest.files, *manifest.left_out)


def input_data_uri(model: str, digest: str, ports: TrainingPorts) -> str:
    """The URI of the manifest in SageMaker's format, which a run is given as ``InputData``."""
    return ports.bucket.uri(native_key(model, digest))
