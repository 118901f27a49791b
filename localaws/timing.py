"""How long things take that on AWS take minutes: the usual timing, and a hurried one."""

from __future__ import annotations

from dataclasses import dataclass, field

from localaws.services.autoscaling.policy import AlarmTiming
from localaws.services.autoscaling.service import ScalingTiming
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.services.sagemaker.runtime.async_runtime import AsyncTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """The timings of all services that have one."""

    hosting: HostingTiming = field(default_factory=HostingTiming)
    asynchronous: AsyncTiming = field(default_factory=AsyncTiming)
    scaling: ScalingTiming = field(default_factory=ScalingTiming)


USUAL = Timings()
# With metrics every ten seconds scaling out takes half a minute and scaling in a whole one; on AWS the alarms of
# target tracking need 3 and 15 minutes, whatever the metrics.
HURRIED = Timings(
    hosting=HostingTiming(serverless_idle_seconds=8.0),
    # A payload over the limit is found out in seconds, and without a gigabyte of memory.
    # Their metrics come as often as the alarms of target tracking below look.
    asynchronous=AsyncTiming(payload_max_bytes=24 * 2**20, metrics_period_seconds=10),
    scaling=ScalingTiming(alarms=AlarmTiming(period_seconds=10, high_periods=1, low_periods=3)),
)
