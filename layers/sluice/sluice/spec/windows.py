"""The hours in which a rollout may advance: the ``windows`` section. Outside of them it is frozen."""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schedule import TIME_ZONE
from sluice.spec.schema.collection_fields import Items
from sluice.spec.schema.fields import Choice, Text
from sluice.spec.schema.section import Section

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = Text(5, pattern=r"([01]\d|2[0-3]):[0-5]\d|24:00", example='a time of day in quotes, such as "09:00"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWindow:
    """Hours on some days; ``to`` before ``from`` ends on the next day."""

    days: Annotated[tuple[str, ...], Items(Choice(DAYS), 1, 7), "The days on which the window begins"] = DAYS
    from_: Annotated[str, TIME, "When it opens"] = "00:00"
    to: Annotated[str, TIME, "When it closes"] = "24:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWindows:
    """Outside of these hours a rollout neither starts nor advances; a rollback is always possible."""

    timezone: Annotated[str, TIME_ZONE, "A time zone such as Europe/Berlin"] = "UTC"
    open: Annotated[tuple[ReleaseWindow, ...], Items(Section(ReleaseWindow), 1, 20), "When rollouts may move forward"]
