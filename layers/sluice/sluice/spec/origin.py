"""What a version may be made of: the ``origin`` section of a spec."""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schema.collection_fields import Items
from sluice.spec.schema.fields import Text

_IMAGE = Text(
    255,
    pattern=r"\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?",
    example="an ECR image: a repository, or one with its tag or digest",
)
_PLACE = Text(1024, pattern=r"s3://[a-z0-9.-]{3,63}/.+", example="s3://bucket/prefix/")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedOrigin:
    """What a version may be made of, within what the stack trusts; an empty list narrows nothing."""

    images: Annotated[tuple[str, ...], Items(_IMAGE, 0, 20), "Images that may serve, and no other"] = ()
    artifacts: Annotated[tuple[str, ...], Items(_PLACE, 0, 20), "Prefixes of artifacts that may serve"] = ()
