"""The strategies of a rollout: a section for each that has settings of its own."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated

from sluice.spec.schema.collection_fields import Maybe
from sluice.spec.schema.fields import Choice, Duration, Number, Text, Whole

GATE = Text(
    256,
    pattern=r"human|arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:sluice-[a-z][a-z0-9]{0,7}-gate-[\w-]+(:[\w$-]+)?",
    example="human, or the ARN of a Lambda function called sluice-<stage>-gate-<name>",
)
METRIC_NAME = Text(64, pattern=r"[a-z][a-z0-9_]*", example="errors, latency, or a name such as conversion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a rollout."""

    weight: Annotated[int, Whole(1, 99), "Percent of the traffic that the new version gets"]
    bake_seconds: Annotated[int, Duration(10, 14 * 86400), "How long this stage lasts at least, such as 10m"]
    gate: Annotated[str | None, Maybe(GATE), "Who must agree before the stage ends: human, or a Lambda function"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Equal steps up to 100 percent."""

    weight: Annotated[int, Whole(5, 50), "Percent of the traffic that each step adds"] = 10
    bake_seconds: Annotated[int, Duration(10, 14 * 86400), "How long each step lasts at least, such as 10m"] = 600

    def stages(self) -> tuple[Stage, ...]:
        """The steps below 100 percent."""
        return tuple(
            Stage(weight=weight, bake_seconds=self.bake_seconds) for weight in range(self.weight, 100, self.weight)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    """SageMaker itself shifts the traffic to a second fleet, and rolls back if an alarm goes off."""

    routing: Annotated[
        str, Choice(("all_at_once", "canary", "linear", "rolling")), "How the traffic moves to the new fleet"
    ] = "all_at_once"
    size_percent: Annotated[
        int, Whole(5, 50), "Percent of the fleet in the canary, in each linear step, or in each rolling batch"
    ] = 25
    wait_seconds: Annotated[int, Duration(0, 3600), "How long each step bakes, such as 10m"] = 600
    termination_wait_seconds: Annotated[
        int, Duration(0, 3600), "How long the old fleet stays after the last step: the quick way back"
    ] = 300
    timeout_seconds: Annotated[int, Duration(600, 28800), "When SageMaker gives up and goes back"] = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """Requests mirrored to the new version; clients get the live version's answers only."""

    share_percent: Annotated[int, Whole(1, 100), "Percent of the requests that are mirrored"] = 50
    duration_seconds: Annotated[int, Duration(10, 14 * 86400), "How long at least, such as 1h"] = 3600
    tolerance_percent: Annotated[
        float, Number(0, 100, unit="percent"), "Numbers that differ by no more than this agree"
    ] = 10.0
    min_agreement_percent: Annotated[
        float, Number(0, 100, unit="percent"), "The least share of answers that must agree with the old version's"
    ] = 90.0
    min_requests: Annotated[int, Whole(1, 1_000_000), "Answers to compare before there is proof"] = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ABTest:
    """Both versions serve until one is proved better."""

    weight: Annotated[int, Whole(1, 50), "Percent of the traffic that the new version gets"] = 10
    min_duration_seconds: Annotated[int, Duration(10, 14 * 86400), "How long at least, such as 1h"] = 3600
    max_duration_seconds: Annotated[int, Duration(10, 14 * 86400), "How long at most; then it is a tie"] = 14 * 86400
    max_requests: Annotated[
        int | None, Maybe(Whole(1, 1_000_000_000)), "Requests of the new version after which it is a tie"
    ] = None
    metric: Annotated[
        str, METRIC_NAME, "What is compared: errors, latency, or the name of the outcomes that are sent"
    ] = "errors"
    better: Annotated[str, Choice(("higher", "lower")), "Which values of the metric are the better ones"] = "lower"
    on_tie: Annotated[str, Choice(("keep", "promote")), "Keep the old version or promote the new one in a tie"] = "keep"
    final_bake_seconds: Annotated[
        int, Duration(10, 86400), "How long a winner bakes at half of the traffic, such as 10m"
    ] = 600

    def stages(self) -> tuple[Stage, ...]:
        """The test, and the bake of its winner at half of the traffic."""
        return (
            Stage(weight=self.weight, bake_seconds=self.min_duration_seconds),
            Stage(weight=50, bake_seconds=self.final_bake_seconds),
        )


def steps_of(how: BlueGreen, instances: int) -> int:
    """The number of steps in which traffic shifts to a fleet of ``instances``; SageMaker waits after each."""
    if how.routing == "all_at_once":
        return 1
    batch = max(1, instances * how.size_percent // 100)
    return min(2, ceil(instances / batch)) if how.routing == "canary" else ceil(instances / batch)
