"""IAM as moto stores it: the policies of roles, and the policies that AWS manages."""

from __future__ import annotations

import functools
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any


class MotoRolePolicies:
    """Reads moto's IAM of one account.

    IAM is eventually consistent: "changes … might not be immediately visible" (IAM user guide, troubleshooting). A test
    sets ``settle_seconds``, for which a new role is unknown to every service.
    """

    def __init__(self, account: str, lock: threading.RLock) -> None:
        self._account = account
        self._lock = lock
        self.settle_seconds = 0.0

    def is_settled(self, role: str) -> bool:
        """Whether the role is old enough to be known everywhere; also if there is none."""
        if not self.settle_seconds:
            return True
        with self._lock:
            found = self._find(role)
            return found is None or datetime.now(UTC) - _created(found) >= timedelta(seconds=self.settle_seconds)

    def documents(self, role: str) -> list[str]:
        """The role's inline and attached policies; none when there is no such role, which then may do nothing."""
        with self._lock:
            found = self._find(role)
            if found is None:
                return []
            attached = [
                version.document
                for policy in found.managed_policies.values()
                for version in policy.versions
                if version.is_default
            ]
            return [*found.policies.values(), *attached]

    def trust_policy(self, role: str) -> str | None:
        """Who may take on the role; None when there is no such role."""
        with self._lock:
            found = self._find(role)
            return None if found is None or not self.is_settled(role) else found.assume_role_policy_document

    def _find(self, role: str) -> Any:
        from moto.iam.models import iam_backends

        roles = iam_backends[self._account]["aws"].roles.values()
        return next((known for known in roles if known.name == role), None)


def _created(role: Any) -> datetime:
    made: datetime = role.create_date
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def make_aws_managed_policies_on_demand() -> None:
    """Let a role have any policy that AWS manages, made when it is attached: making all 1,582 takes 1.2 s."""
    from moto.iam.models import IAMBackend

    attach = getattr(IAMBackend, "_moto_attach_role_policy", IAMBackend.attach_role_policy)

    def attach_role_policy(self: Any, policy_arn: str, role_name: str) -> None:
        if policy_arn.startswith("arn:aws:iam::aws:policy/") and policy_arn not in self.managed_policies:
            _make_aws_managed_policy(self, policy_arn)
        attach(self, policy_arn, role_name)

    IAMBackend._moto_attach_role_policy = attach
    IAMBackend.attach_role_policy = attach_role_policy


def _make_aws_managed_policy(backend: Any, arn: str) -> None:
    from moto.iam.models import AWSManagedPolicy

    name = arn.rsplit("/", 1)[-1]
    data = _aws_managed_policies().get(name)
    if data is not None:  # otherwise moto answers that there is no such policy
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
        if policy.arn == arn:
            backend.managed_policies[arn] = policy


@functools.cache
def _aws_managed_policies() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    return dict(json.loads(aws_managed_policies_data))
