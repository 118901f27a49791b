"""The running instances of one variant, and which of them can serve a changed variant."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.endpoint_state.variant import Blueprint
from localaws.services.sagemaker.fleets.serverless_pool import ServerlessPool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Instances of one blueprint. Never changed: a new fleet takes over, perhaps with some of them."""

    blueprint: Blueprint
    containers: tuple[Container, ...]
    pool: ServerlessPool[Container] | None = None  # of a serverless variant, which has no instances
    _turns: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def next(self) -> Container | None:
        """The instances in turn; None when there are none."""
        if not self.containers:
            return None
        return self.containers[next(self._turns) % len(self.containers)]

    def reusable(self, blueprint: Blueprint, count: int) -> tuple[Container, ...]:
        """Up to ``count`` running instances, if ``blueprint`` describes the same as this fleet's."""
        if blueprint != self.blueprint:
            return ()
        return tuple(container for container in self.containers if container.is_running)[:count]
