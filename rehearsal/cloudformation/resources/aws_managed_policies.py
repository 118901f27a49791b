"""AWS's own managed policies, made known to the local IAM one by one.

moto carries all of them but can only load the lot, which takes more than a second of every start.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

_PREFIX = "arn:aws:iam::aws:policy/"


def ensure_known(arn: str, *, account: str, region: str) -> None:
    """Add AWS's managed policy of this ARN to the account's IAM; does nothing for any other ARN."""
    policies = iam_backends[account]["aws"].managed_policies
    name = arn.rsplit("/", 1)[-1]
    if arn.startswith(_PREFIX) and arn not in policies and name in _all_policies():
        policies[arn] = AWSManagedPolicy.from_data(name, account, region, _all_policies()[name])


@cache
def _all_policies() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(aws_managed_policies_data)
    return known
