"""Names of resources to which the template gives none."""

from __future__ import annotations

import secrets
import string

SUFFIX_LENGTH = 12
_LETTERS = string.ascii_letters + string.digits


def random_suffix() -> str:
    """What makes a generated name unique, so that a replacement can exist beside what it replaces."""
    return "".join(secrets.choice(_LETTERS) for _ in range(SUFFIX_LENGTH))


def generated_name(stack: str, logical_id: str, suffix: str, *, longest: int) -> str:
    """``stack-logicalid-suffix`` as CloudFormation forms it, the first two cut where they are too long together.

    The form is in "Name type" of the CloudFormation user guide. That both are cut to the same length (24 characters
    each of a function's 64) is seen in stacks with long names, not documented.
    """
    room = longest - len(suffix) - 2
    share = room // 2
    first = stack[: max(share, room - len(logical_id))]
    second = logical_id[: room - len(first)]
    return f"{first}-{second}-{suffix}"
