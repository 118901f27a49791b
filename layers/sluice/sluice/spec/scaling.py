"""How capacity follows the load: the ``scaling`` section of an endpoint."""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schedule import TIME_ZONE, WHEN
from sluice.spec.schema.collection_fields import Items, Maybe
from sluice.spec.schema.fields import Duration, Number, Whole
from sluice.spec.schema.section import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRange:
    """A range of capacity that holds from a point in time on."""

    when: Annotated[str, WHEN, "rate(…) or cron(…), as in Application Auto Scaling"]
    timezone: Annotated[str, TIME_ZONE, "The time zone of cron(…)"] = "UTC"
    min: Annotated[int, Whole(0, 1000), "The least capacity from then on"]
    max: Annotated[int, Whole(1, 1000), "The most capacity from then on"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Target tracking: instances, or for serverless the containers kept warm."""

    min: Annotated[int, Whole(0, 1000), "The least capacity; 0 for async only"] = 1
    max: Annotated[int, Whole(1, 1000), "The most capacity"] = 20
    target: Annotated[
        float | None,
        Maybe(Number(0, 1_000_000, inside=True)),
        "What one unit should carry; when left out 70 requests a minute, 5 waiting requests (async), or 0.7 of the "
        "warm containers (serverless)",
    ] = None
    scale_in_cooldown_seconds: Annotated[int, Duration(0, 86400), "Pause after capacity was taken away"] = 300
    scale_out_cooldown_seconds: Annotated[int, Duration(0, 86400), "Pause after capacity was added"] = 60
    scheduled: Annotated[
        tuple[ScheduledRange, ...], Items(Section(ScheduledRange), 0, 10), "Other ranges by the clock"
    ] = ()
