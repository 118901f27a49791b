"""The digest of a version's artifact: noted when its run has ended, compared before a model is made of it. Pure.

The registry records an artifact's ETag itself; Sluice's note has its size and its version in S3 as well. The URL of an
artifact names no version, so whoever may overwrite the object could otherwise put another model in its place after the
approval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.aws.model_registry import PackagedContainer
    from sluice.aws.s3 import StoredObject

ARTIFACT_NOTE = "sluice.artifact"
"""The property of a version with what its artifact was when its run ended: ``<etag> <bytes> <version id>``."""


def digest_problem(container: PackagedContainer, uri: str, noted: str, now: StoredObject | None) -> str:
    """Why an artifact is not what was registered; empty if it is, or if nothing of it was recorded.

    Args:
        container: the version's container, with the ETag that the registry recorded.
        uri: of the artifact.
        noted: what Sluice noted when the run ended; empty if it did not.
        now: the artifact as it is; None if it is gone.
    """
    if now is None:
        return f"the artifact {uri} is gone"
    etag, size, *_ = [*noted.split(" "), "", ""]
    recorded = {_bare(each) for each in (container.artifact_etag, etag) if each}
    if recorded - {_bare(now.etag)} or (size and size != str(now.size)):
        return f"the artifact {uri} was overwritten since it was registered: train the model again"
    return ""


def artifact_note(found: StoredObject) -> str:
    """What is noted of an artifact when its run has ended."""
    return f"{_bare(found.etag)} {found.size} {found.version_id}".rstrip()


def _bare(etag: str) -> str:
    return etag.strip('"')
