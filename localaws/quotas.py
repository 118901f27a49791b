"""What an account may have in a Region. AWS's defaults; a test, or whoever makes a local AWS, sets others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Quotas:
    """Numbers that calls are held to; a change holds from the next call on.

    Sources: SageMaker endpoints and quotas, Application Auto Scaling quotas; the number of package groups is what users
    report. ``instances`` is by the quota's name in Service Quotas, such as ``ml.m5.large for endpoint usage`` or
    ``ml.m5.large for transform job usage``: AWS's defaults differ by type and account, so what is not named here has no
    limit.
    """

    package_groups: int = 250
    pipelines: int = 500
    pipeline_executions: int = 20  # at a time
    scalable_targets: int = 500
    serverless_endpoints: int = 50
    instances: dict[str, int] = field(default_factory=dict)

    def excess_of_instances(
        self, usage: str, wanted: Mapping[str, int], in_use: Mapping[str, int]
    ) -> tuple[str, int, int, int] | None:
        """The first quota that ``wanted`` more instances by type would exceed: its name, limit, use and request."""
        for kind, more in sorted(wanted.items()):
            name = f"{kind} for {usage}"
            limit = self.instances.get(name)
            used = in_use.get(kind, 0)
            if limit is not None and more > 0 and used + more > limit:
                return name, limit, used, more
        return None
