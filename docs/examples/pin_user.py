"""Pins each user of a service to one variant of an endpoint during an A/B test. Copy it: it needs no package.

By itself SageMaker draws a variant for every request, so one user may be answered now by one version and now by the
other. Where that matters, such as for prices or for what a user sees twice, name the variant in the request:

    answer = runtime.invoke_endpoint(
        EndpointName="sluice-prod-fraud", ContentType="text/csv", Body=row, InferenceId=order_id,
        TargetVariant=variant_for("user-4711", "fraud-7-1", {"v6": 90, "v7": 10}),
    )

Take the weights from DescribeEndpoint (``ProductionVariants[].CurrentWeight``) every few seconds, and stop naming a
variant when there is only one: a variant that is gone answers with a ValidationError.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping


def variant_for(user: str, test: str, weights: Mapping[str, float]) -> str:
    """The variant that serves ``user``: the same each time, and over many users in the proportion of ``weights``.

    ``test`` names the test, such as the rollout's id: in the next test other users are the first to get the new
    version. The newest variant takes its users from one end, so as its weight grows it keeps those that it has and
    gets more. ValueError if no weight is above zero.
    """
    total = sum(weights.values())
    if not total > 0 or min(weights.values()) < 0:
        raise ValueError(f"weights must not be negative, and some must be above zero, got {dict(weights)}")
    digest = hashlib.sha256(f"{test}/{user}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64 * total
    newest_first = sorted((name for name in weights if weights[name] > 0), key=_number, reverse=True)
    for name in newest_first:
        position -= weights[name]
        if position < 0:
            return name
    return newest_first[-1]


def _number(variant: str) -> list[int]:
    """7 of ``v7``, so that ``v10`` is newer than ``v9``."""
    return [int(digits) for digits in re.findall(r"\d+", variant)]
