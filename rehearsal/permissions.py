"""Which permissions a call needs: IAM actions on resources, under conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on one resource; all of a call's permissions must be granted."""

    action: str  # e.g. "sagemaker:InvokeEndpoint"
    resource: str  # ARN, or "*" for actions without resource-level permissions
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)  # condition keys of this call
