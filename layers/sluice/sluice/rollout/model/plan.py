"""The plan of a rollout, as data: made once by ``planning`` and stored with the rollout.

A spec that changes later does not change a rollout that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal, Self

from sluice.endpoint.scaling_rules import ScalingRules
from sluice.endpoint.state import ServerlessSize
from sluice.errors import PermanentError
from sluice.spec.rollout import Alarms, Judge
from sluice.spec.serving import Batch
from sluice.spec.strategies import ABTest, BlueGreen
from sluice.spec.windows import Windows, windows_from

Engine = Literal["create", "weights", "replace", "guardrails", "shadow", "batch", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One production variant: its name, and how many instances of what type, or its serverless size."""

    variant: str
    instance_type: str
    instance_count: int
    config: str = ""  # the endpoint config in which this fleet serves alone
    model: str = ""  # the SageMaker model
    serverless: ServerlessSize | None = None
    weight: float = 100.0  # its weight in that config

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        size = raw.get("serverless")
        return cls(**{**raw, "serverless": ServerlessSize(**size) if size else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """``weight`` percent of the traffic to the candidate, on ``candidate_count`` instances, for a bake.

    A shadow has no weight: it gets copies of requests.
    """

    weight: int
    bake_seconds: int
    candidate_count: int
    gate: str | None = None  # who must agree before the stage ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What a shadow is sent and how its answers are compared with the baseline's."""

    share_percent: int
    tolerance_percent: float
    min_agreement_percent: float
    min_requests: int
    capture_prefix: str  # keys in the data bucket under which SageMaker writes requests and answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout will do.

    ``engine``: ``create`` the endpoint; shift ``weights`` between two variants; ``replace`` the fleet at once; have
    SageMaker deploy it behind its ``guardrails``; mirror requests to a ``shadow`` first; take the version for the next
    ``batch``, without an endpoint; or ``none`` because the version is live.
    """

    engine: Engine
    endpoint: str
    candidate: Fleet
    baseline: Fleet | None
    canary_config: str  # in which both serve, or the candidate is the baseline's shadow
    stages: tuple[PlannedStage, ...]
    period_seconds: int
    look_seconds: int
    max_hold_seconds: int
    on_doubt: str
    judge: Judge
    alarms: Alarms
    # A field added later has a default: a rollout under way has been planned without it.
    watch_seconds: int = 0  # with all the traffic, before the rollout ends
    slow_over_us: Mapping[str, int] = field(default_factory=dict)  # the live version's latency percentiles
    experiment: Experiment | None = None  # the first stage is an A/B test
    strategy: str = ""
    blue_green: BlueGreen | None = None  # how SageMaker moves the traffic: there are no stages then
    mirror: Mirror | None = None
    async_invocations: int | None = None  # requests that one instance of an async endpoint works on at a time
    gate: str | None = None  # who must agree before the promotion
    windows: Windows | None = None  # when the rollout may move forward
    batch: BatchPlan | None = None  # of the engine of this name
    scaling: ScalingRules | None = None  # how the capacity of whatever serves follows the load

    @property
    def is_watched(self) -> bool:
        """Whether alarms watch the candidate while it serves: there has to be a way back for them to take."""
        has_way_back = self.baseline is not None and self.engine not in ("none", "batch")
        return has_way_back and bool(self.stages or self.watch_seconds)

    @property
    def has_alarms(self) -> bool:
        """Whether the rollout has alarms at any time: while SageMaker deploys the candidate, or while it serves."""
        return self.is_watched or self.engine == "guardrails"

    def looks_last(self) -> timedelta:
        """How long it is looked at in the planned interval; a rollout held up for longer is looked at less often."""
        return timedelta(seconds=max(self.longest_seconds_of_stages(), 0) + self.look_seconds * len(self.stages))

    def longest_seconds_of_stages(self) -> int:
        """How long all stages together may last until doubt ends them."""
        return sum(self.longest_seconds(stage) for stage in range(len(self.stages)))

    def longest_seconds(self, stage: int) -> int:
        """How long a stage may last until its doubt ends it. An A/B test, the first stage, ends by itself before."""
        bake = self.stages[stage].bake_seconds
        if self.experiment is not None and stage == 0:
            bake = self.experiment.max_seconds
        return bake + self.max_hold_seconds

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        blue_green, mirror, experiment = raw.get("blue_green"), raw.get("mirror"), raw.get("experiment")
        scaling = raw.get("scaling")
        return cls(
            **{
                **raw,
                "candidate": Fleet.from_json(raw["candidate"]),
                "baseline": Fleet.from_json(raw["baseline"]) if raw["baseline"] else None,
                "stages": tuple(PlannedStage(**stage) for stage in raw["stages"]),
                "judge": Judge(**raw["judge"]),
                "windows": windows_from(raw["windows"]) if raw.get("windows") else None,
                "alarms": Alarms(**{**raw["alarms"], "also": tuple(raw["alarms"].get("also", ()))}),
                "blue_green": BlueGreen(**blue_green) if blue_green else None,
                "experiment": Experiment(**experiment) if experiment else None,
                "mirror": Mirror(**mirror) if mirror else None,
                "batch": BatchPlan.parse(raw["batch"]) if raw.get("batch") else None,
                "scaling": ScalingRules.from_json(scaling) if scaling else None,
            }
        )


def weights_at(plan: Plan, weight: int) -> dict[str, float]:
    """Weights in percent with ``weight`` on the candidate; they never sum to zero."""
    if plan.baseline is None:
        return {plan.candidate.variant: 100.0}
    return {plan.baseline.variant: 100.0 - weight, plan.candidate.variant: float(weight)}


def first_fleet(plan: Plan) -> int:
    """Instances of the candidate when it is provisioned: what its first stage needs."""
    return plan.stages[0].candidate_count if plan.stages else plan.candidate.instance_count


class PlanError(PermanentError):
    """The endpoint is not in a state from which this rollout can start."""


MAX_ROWS = 1_500


_ROW_SECONDS = (10, 60, 300, 900, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The settings of a test, which is the first stage of its rollout.

    ``row_seconds`` is how much time one row of the comparison covers. It is part of the plan, as rows that are cut
    anew between two looks would be another test.
    """

    metric: str  # errors, latency, or the name of outcomes that are sent
    better: Literal["higher", "lower"]
    on_tie: Literal["keep", "promote"]
    max_seconds: int
    max_requests: int | None
    row_seconds: int


def experiment_of(settings: ABTest, period_seconds: int) -> Experiment:
    """The experiment a spec asks for; 14 days make 1,344 rows of 15 minutes."""
    longest = settings.max_duration_seconds
    fitting = (row for row in _ROW_SECONDS if row >= period_seconds and longest <= row * MAX_ROWS)
    return Experiment(
        metric=settings.metric,
        better="higher" if settings.better == "higher" else "lower",
        on_tie="promote" if settings.on_tie == "promote" else "keep",
        max_seconds=longest,
        max_requests=settings.max_requests,
        row_seconds=next(fitting),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """The settings of the spec and the input of the last run."""

    settings: Batch  # without a schedule
    input_digest: str = ""  # of the last run's manifest; empty: there is nothing to compare on

    @property
    def is_compared(self) -> bool:
        return bool(self.input_digest) and self.settings.sample_rows > 0

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """From the plan as it is stored."""
        return cls(settings=Batch(**raw["settings"]), input_digest=raw["input_digest"])
