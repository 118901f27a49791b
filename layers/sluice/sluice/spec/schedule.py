"""The training schedule of a spec."""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schema.fields import Text

_UNIT = r"(?:1 (?:minute|hour|day)|(?:[2-9]|[1-9][0-9]+) (?:minutes|hours|days))"
_FIELD = r"[0-9A-Za-z*?,/#-]+"
WHEN = Text(
    256,
    pattern=rf"rate\({_UNIT}\)|cron\({_FIELD}(?: {_FIELD}){{5}}\)",
    example="rate(1 day) or cron(minutes hours day-of-month month day-of-week year)",
)
TIME_ZONE = Text(50, pattern=r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*", example="a name such as Europe/Berlin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Runs that start by the clock, on the newest data, whether it is new or not."""

    when: Annotated[str, WHEN, "rate(…) or cron(…), as in EventBridge Scheduler"]
    timezone: Annotated[str, TIME_ZONE, "The time zone of cron(…), which follows its daylight saving"] = "UTC"
