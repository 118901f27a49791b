"""How quickly the local AWS does what on AWS takes minutes: as usual, or in a hurry."""

from __future__ import annotations

from dataclasses import dataclass, field

from localaws.services.autoscaling.policy import AlarmTiming
from localaws.services.autoscaling.service import ScalingPace
from localaws.services.sagemaker.fleets.provisioning import Pace
from localaws.services.sagemaker.runtime.async_runtime import AsyncPace


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """The paces of all services that have one."""

    hosting: Pace = field(default_factory=Pace)
    asynchronous: AsyncPace = field(default_factory=AsyncPace)
    scaling: ScalingPace = field(default_factory=ScalingPace)


USUAL = Paces()
# With metrics every ten seconds scaling out takes half a minute and scaling in a whole one; on AWS the alarms of
# target tracking need 3 and 15 minutes, whatever the metrics.
HURRIED = Paces(
    hosting=Pace(serverless_idle_seconds=8.0),
    # A payload over the limit is found out in seconds, and without a gigabyte of memory.
    asynchronous=AsyncPace(payload_max_bytes=24 * 2**20),
    scaling=ScalingPace(alarms=AlarmTiming(period_seconds=10, high_periods=1, low_periods=3)),
)
