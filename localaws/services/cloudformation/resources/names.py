"""Names of resources to which the template gives none."""

from __future__ import annotations

import re
import secrets
import string

SUFFIX_LENGTH = 12
_LETTERS = string.ascii_letters + string.digits


def random_suffix() -> str:
    """What makes a generated name unique, so that a replacement can exist beside what it replaces."""
    return "".join(secrets.choice(_LETTERS) for _ in range(SUFFIX_LENGTH))


def generated_name(stack: str, logical_id: str, suffix: str, *, longest: int) -> str:
    """``stack-logicalid-suffix``, the first two cut to equal shares where they are too long together.

    So does ``IdentifierUtils.generateResourceIdentifier`` of AWS's own plugin for resource handlers
    (github.com/aws-cloudformation/cloudformation-cli-java-plugin), which allows no dash at the start or beside another.
    """
    stack = re.sub("-{2,}", "-", stack.lstrip("-"))
    room = longest - len(suffix) - 2
    share = room // 2
    first = stack[: max(share, room - len(logical_id))]
    second = logical_id[: room - len(first)]
    return f"{first}-{second}-{suffix}"
