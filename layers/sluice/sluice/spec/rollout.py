"""How a new version takes over: the ``rollout`` section of a spec."""

from dataclasses import dataclass, field
from typing import Annotated

from sluice.spec.schema.collection_fields import Items, Maybe
from sluice.spec.schema.fields import Choice, Duration, Flag, Number, Text, Whole
from sluice.spec.schema.section import Section
from sluice.spec.strategies import GATE, ABTest, BlueGreen, Linear, Shadow, Stage
from sluice.spec.windows import ReleaseWindows

ALARM_NAME = Text(255, example="the name of a CloudWatch alarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The confidence that the comparison of the two versions requires."""

    harm_ratio: Annotated[
        float,
        Number(1, 100),
        "Roll back when proved to fail more than this many times as often as the old version",
    ] = 1.1
    safe_ratio: Annotated[
        float, Number(1, 100), "Go on when proved to fail less than this many times as often, plus the margin"
    ] = 2.0
    safe_margin_percent: Annotated[
        float, Number(0, 100, unit="percent"), "Failed requests that are tolerated on top, in percent of all"
    ] = 0.1
    alpha: Annotated[float, Number(0, 0.5, inside=True), "Chance of rolling back a harmless version"] = 0.05
    beta: Annotated[float, Number(0, 0.5, inside=True), "Chance of going on with a harmful version"] = 0.05
    latency: Annotated[bool, Flag(), "Whether slow requests are judged, too"] = True
    slow_ratio: Annotated[
        float, Number(1, 100), "Roll back when requests are slow more than this many times as often"
    ] = 1.25
    slower_percent: Annotated[
        float, Number(0, 1000, unit="percent"), "A version that is this much slower does not count as slow"
    ] = 10.0
    warm_up_periods: Annotated[int, Whole(0, 60), "Metric periods after a change of traffic that are not judged"] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """The CloudWatch alarms on the new version during a rollout, which veto whatever the judge thinks."""

    error_rate_percent: Annotated[
        float, Number(0, 100, inside=True, unit="percent"), "Alarm above this share of failed requests"
    ] = 5.0
    latency_p95_ms: Annotated[
        float | None,
        Maybe(Number(0, 3_600_000, inside=True, unit="milliseconds")),
        "Alarm above this 95th percentile of the model's latency; no such alarm when left out",
    ] = None
    evaluation_periods: Annotated[int, Whole(1, 8640), "Metric periods an alarm looks back"] = 3
    datapoints_to_alarm: Annotated[int, Whole(1, 8640), "How many of them must be too high"] = 2
    min_requests: Annotated[int, Whole(1, 1_000_000), "Periods with fewer requests do not count"] = 5
    also: Annotated[tuple[str, ...], Items(ALARM_NAME, 0, 30), "Alarms of your own that stop a rollout, by name"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a new version takes over from the old one."""

    strategy: Annotated[
        str,
        Choice(("auto", "canary", "linear", "ab_test", "blue_green", "shadow", "all_at_once")),
        "How the new version takes over; auto: canary, blue_green for async, all_at_once for serverless and batch",
    ] = "auto"
    stages: Annotated[
        tuple[Stage, ...],
        Items(Section(Stage), 1, 20),
        "canary: the new version's share of the traffic, rising; 100 comes by itself at the end",
    ] = (Stage(weight=10, bake_seconds=600), Stage(weight=50, bake_seconds=600))
    step: Annotated[Linear, Section(Linear), "linear: the size of the steps, and how long each lasts"] = field(
        default_factory=Linear
    )
    blue_green: Annotated[BlueGreen, Section(BlueGreen), "blue_green: how SageMaker moves the traffic"] = field(
        default_factory=BlueGreen
    )
    shadow: Annotated[Shadow, Section(Shadow), "shadow: what is mirrored, and what must agree"] = field(
        default_factory=Shadow
    )
    ab_test: Annotated[ABTest, Section(ABTest), "ab_test: what is compared, and for how long"] = field(
        default_factory=ABTest
    )
    gate: Annotated[str | None, Maybe(GATE), "Who must agree before the promotion: human, or a Lambda function"] = None
    windows: Annotated[
        ReleaseWindows | None,
        Maybe(Section(ReleaseWindows)),
        "When rollouts may move forward; at any time when left out",
    ] = None
    watch_seconds: Annotated[
        int,
        Duration(0, 86400),
        "How long the alarms watch a version that has all the traffic; they put the old one back",
    ] = 0
    max_hold_seconds: Annotated[
        int, Duration(0, 14 * 86400), "How long a stage may stay in doubt after its bake, such as 60m"
    ] = 3600
    on_doubt: Annotated[str, Choice(("roll_back", "pause")), "What to do when the doubt lasts longer"] = "roll_back"
    on_new_version: Annotated[
        str, Choice(("supersede", "queue", "reject")), "What a newer approval does to a rollout under way"
    ] = "supersede"
    judge: Annotated[Judge, Section(Judge), "When the new version counts as harmful, or as safe"] = Judge()
    alarms: Annotated[Alarms, Section(Alarms), "The alarms on the new version during a rollout"] = Alarms()

    def planned_stages(self) -> tuple[Stage, ...]:
        """Stages with a part of the traffic each; none for a strategy that moves it in another way."""
        if self.strategy == "linear":
            return self.step.stages()
        if self.strategy == "ab_test":
            return self.ab_test.stages()
        return self.stages if self.strategy == "canary" else ()

    def longest_seconds(self) -> int:
        """How long all stages and the watch together last at most, each stage with its time in doubt."""
        bakes = [stage.bake_seconds for stage in self.planned_stages()]
        if self.strategy == "ab_test":
            bakes[0] = self.ab_test.max_duration_seconds
        if self.strategy == "shadow":
            bakes = [self.shadow.duration_seconds]
        return sum(bakes) + len(bakes) * self.max_hold_seconds + self.watch_seconds
