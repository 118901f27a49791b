"""The plan of a rollout, as data: made once by ``planning.planner`` and stored with the rollout's record.

A later change of the spec does not change a rollout that is under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal, Self

from sluice.endpoint.scaling_rules import ClockRange, ScalingRules
from sluice.endpoint.state import ServerlessSize
from sluice.errors import PermanentError
from sluice.spec.rollout import Alarms, Judge
from sluice.spec.serving import Batch
from sluice.spec.strategies import ABTest, BlueGreen
from sluice.spec.windows import ReleaseWindow, ReleaseWindows
from sluice.stored import known_parts

_MAX_ROWS = 1_500
_ROW_SECONDS = (10, 60, 300, 900, 3600)

ADDED_FIELDS = (
    "detailed_observability",
    "network_isolation",
    "response_seconds",
    "batch.settings.invocation_timeout_seconds",
    "batch.settings.max_retries",
    "batch.settings.header",
    "batch.settings.on_bad_rows",
)
"""What release 0.2 does not know of a plan and would refuse to read: stored apart."""

Engine = Literal["create", "weights", "replace", "guardrails", "shadow", "batch", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFleet:
    """One production variant: its name and its instances, or its serverless size."""

    variant: str
    instance_type: str
    instance_count: int
    config: str = ""  # the endpoint config in which this variant serves alone
    model: str = ""  # the SageMaker model
    serverless: ServerlessSize | None = None
    weight: float = 100.0  # its weight in that config

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        size = raw.get("serverless")
        return cls(**{**raw, "serverless": ServerlessSize(**size) if size else None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """``weight`` percent of the traffic to the candidate, on ``candidate_count`` instances, while the stage bakes.

    A shadow variant has no weight: it gets copies of requests.
    """

    weight: int
    bake_seconds: int
    candidate_count: int
    gate: str | None = None  # who must approve the end of the stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """How much a shadow variant is sent, and how its answers are compared with the baseline's."""

    share_percent: int
    tolerance_percent: float
    min_agreement_percent: float
    min_requests: int
    capture_prefix: str  # keys in the data bucket under which SageMaker writes requests and answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout will do.

    ``engine``: ``create`` the endpoint; shift ``weights`` between two variants; ``replace`` the fleet at once; let
    SageMaker's deployment ``guardrails`` shift the traffic; mirror requests to a ``shadow`` first; use the version for
    the next ``batch`` run, without an endpoint; or ``none`` because the version is live already.
    """

    engine: Engine
    endpoint: str
    candidate: PlannedFleet
    baseline: PlannedFleet | None
    canary_config: str  # the endpoint config with both variants, or with the candidate as the baseline's shadow
    stages: tuple[PlannedStage, ...]
    period_seconds: int
    look_seconds: int
    max_hold_seconds: int
    on_doubt: str
    judge: Judge
    alarms: Alarms
    # Fields added later have defaults: the plan of a rollout under way was stored without them.
    watch_seconds: int = 0  # the bake after the promotion, with all the traffic
    slow_over_us: Mapping[str, int] = field(default_factory=dict)  # the live version's latency percentiles
    experiment: Experiment | None = None  # the first stage is an A/B test
    strategy: str = ""
    blue_green: BlueGreen | None = None  # how SageMaker shifts the traffic; such a plan has no stages
    mirror: Mirror | None = None
    async_invocations: int | None = None  # concurrent requests per instance of an async endpoint
    gate: str | None = None  # who must approve the promotion
    windows: ReleaseWindows | None = None  # when the rollout may advance
    batch: BatchPlan | None = None  # only of the engine ``batch``
    scaling: ScalingRules | None = None  # autoscaling of the variant that serves
    detailed_observability: bool = False  # of the endpoint configs that the rollout makes
    network_isolation: bool = False  # the model's containers have neither a network nor credentials
    response_seconds: int | None = None  # how long the model may take for a request that nobody waits for

    @property
    def is_real_time(self) -> bool:
        """Whether the endpoint answers at once, on instances: these publish other metrics than all others."""
        return self.async_invocations is None and self.candidate.serverless is None

    @property
    def is_watched(self) -> bool:
        """Whether alarms watch the candidate while it serves; without a baseline there is nothing to roll back to."""
        has_way_back = self.baseline is not None and self.engine not in ("none", "batch")
        return has_way_back and bool(self.stages or self.watch_seconds)

    @property
    def has_alarms(self) -> bool:
        """Whether the rollout has alarms at any time: while SageMaker deploys the candidate, or while it serves."""
        return self.is_watched or self.engine == "guardrails"

    def analysis_duration(self) -> timedelta:
        """How long analyses run at the planned interval; a rollout that is held for longer is analyzed less often."""
        return timedelta(seconds=max(self.longest_seconds_of_stages(), 0) + self.look_seconds * len(self.stages))

    def longest_seconds_of_stages(self) -> int:
        """How long all stages together may last, inconclusive."""
        return sum(self.longest_seconds(stage) for stage in range(len(self.stages)))

    def longest_seconds(self, stage: int) -> int:
        """How long a stage may last, inconclusive, until it ends. An A/B test, always the first stage, ends before."""
        bake = self.stages[stage].bake_seconds
        if self.experiment is not None and stage == 0:
            bake = self.experiment.max_seconds
        return bake + self.max_hold_seconds

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave, in this release, an earlier or a later one: what is unknown is left out."""
        try:
            return cls._parse(raw)
        except TypeError:  # a field that a later release has added
            return cls._parse(known_parts(raw, {"": cls, **_PARTS}))

    @classmethod
    def _parse(cls, raw: Mapping[str, Any]) -> Self:
        blue_green, mirror, experiment = raw.get("blue_green"), raw.get("mirror"), raw.get("experiment")
        scaling = raw.get("scaling")
        return cls(
            **{
                **raw,
                "candidate": PlannedFleet.from_json(raw["candidate"]),
                "baseline": PlannedFleet.from_json(raw["baseline"]) if raw["baseline"] else None,
                "stages": tuple(PlannedStage(**stage) for stage in raw["stages"]),
                "judge": Judge(**raw["judge"]),
                "windows": _windows_from(raw["windows"]) if raw.get("windows") else None,
                "alarms": Alarms(**{**raw["alarms"], "also": tuple(raw["alarms"].get("also", ()))}),
                "blue_green": BlueGreen(**blue_green) if blue_green else None,
                "experiment": Experiment(**experiment) if experiment else None,
                "mirror": Mirror(**mirror) if mirror else None,
                "batch": BatchPlan.parse(raw["batch"]) if raw.get("batch") else None,
                "scaling": ScalingRules.from_json(scaling) if scaling else None,
            }
        )


def _windows_from(stored: Mapping[str, Any]) -> ReleaseWindows:
    """The windows of a stored plan, which ``dataclasses.asdict`` and JSON have converted."""
    held = (ReleaseWindow(**{**each, "days": tuple(each["days"])}) for each in stored["open"])
    return ReleaseWindows(timezone=stored["timezone"], open=tuple(held))


def weights_at(plan: Plan, weight: int) -> dict[str, float]:
    """Weights by variant, in percent, with ``weight`` on the candidate; their sum is never zero."""
    if plan.baseline is None:
        return {plan.candidate.variant: 100.0}
    return {plan.baseline.variant: 100.0 - weight, plan.candidate.variant: float(weight)}


def provisioned_count(plan: Plan) -> int:
    """Instances of the candidate when it is provisioned: as many as its first stage needs."""
    return plan.stages[0].candidate_count if plan.stages else plan.candidate.instance_count


class PlanError(PermanentError):
    """The endpoint, or what the spec refers to, is not in a state from which this rollout can start."""


class AlarmsUnknownError(PlanError):
    """CloudWatch cannot evaluate an alarm that the spec names: whether it is quiet is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The settings of an A/B test, which is the first stage of its rollout.

    ``row_seconds`` is the time that one row of the comparison covers. It is part of the plan: other rows in a later
    analysis would make another test.
    """

    metric: str  # errors, latency, or the name of the outcomes that clients send
    better: Literal["higher", "lower"]
    on_tie: Literal["keep", "promote"]
    max_seconds: int
    max_requests: int | None
    row_seconds: int


def experiment_from(settings: ABTest, period_seconds: int) -> Experiment:
    """The A/B test that a spec describes. The shortest rows that fit: 14 days make 1,344 rows of 15 minutes."""
    longest = settings.max_duration_seconds
    fitting = (row for row in _ROW_SECONDS if row >= period_seconds and longest <= row * _MAX_ROWS)
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
    """The batch settings of the spec, and the input of the model's last run."""

    settings: Batch  # without a schedule
    input_digest: str = ""  # of the last run's manifest; empty if there is nothing to compare on

    @property
    def is_compared(self) -> bool:
        return bool(self.input_digest) and self.settings.sample_rows > 0

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Read the plan as it is stored."""
        return cls(settings=Batch(**raw["settings"]), input_digest=raw["input_digest"])


_PARTS: Mapping[str, type[Any]] = {
    "candidate": PlannedFleet,
    "candidate.serverless": ServerlessSize,
    "baseline": PlannedFleet,
    "baseline.serverless": ServerlessSize,
    "stages": PlannedStage,
    "judge": Judge,
    "alarms": Alarms,
    "windows.open": ReleaseWindow,
    "blue_green": BlueGreen,
    "experiment": Experiment,
    "mirror": Mirror,
    "batch.settings": Batch,
    "scaling": ScalingRules,
    "scaling.clock": ClockRange,
}
"""What lies where in a stored plan."""
