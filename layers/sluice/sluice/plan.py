"""From a spec and what the endpoint looks like to a plan: the stages of a rollout, as data.

The plan is made once and stored with the rollout, so a spec that changes later does not change a rollout that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, Literal, Self

from sluice.endpoint import EndpointState
from sluice.errors import PermanentError
from sluice.experiment import Experiment, experiment_of
from sluice.names import Names, variant
from sluice.spec import ModelSpec
from sluice.spec_rollout import Alarms, Judge, Rollout

Engine = Literal["create", "weights", "replace", "none"]

MAX_LOOKS = 1_500
"""A look costs about 11 of an execution's 25,000 history events (Step Functions quota)."""


class PlanError(PermanentError):
    """The endpoint is not in a state from which this rollout can start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One production variant: its name, and how many instances of what type."""

    variant: str
    instance_type: str
    instance_count: int
    config: str = ""  # the endpoint config in which this fleet serves alone
    model: str = ""  # the SageMaker model


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """``weight`` percent of the traffic to the candidate, on ``candidate_count`` instances, for a bake."""

    weight: int
    bake_seconds: int
    candidate_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout will do.

    ``engine``: ``create`` the endpoint, shift ``weights`` between two variants, ``replace`` the fleet at once, or
    ``none`` because the version is live.
    """

    engine: Engine
    endpoint: str
    candidate: Fleet
    baseline: Fleet | None
    canary_config: str
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

    @property
    def is_watched(self) -> bool:
        """Whether alarms watch the candidate at any time: there has to be a way back for them to take."""
        return self.baseline is not None and self.engine != "none" and bool(self.stages or self.watch_seconds)

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
        return cls(
            **{
                **raw,
                "candidate": Fleet(**raw["candidate"]),
                "baseline": Fleet(**raw["baseline"]) if raw["baseline"] else None,
                "stages": tuple(PlannedStage(**stage) for stage in raw["stages"]),
                "judge": Judge(**raw["judge"]),
                "alarms": Alarms(**{**raw["alarms"], "also": tuple(raw["alarms"].get("also", ()))}),
            }
        )


def make_plan(spec: ModelSpec, names: Names, rollout_id: str, version: int, live: EndpointState | None) -> Plan:
    """The plan that takes ``version`` live.

    Raises:
        PlanError: the endpoint has failed, serves something other than exactly one variant on instances, or its
            config is gone, without which there would be no way back.
    """
    baseline = _baseline(live)
    total = max(spec.endpoint.instance_count, baseline.instance_count if baseline else 0)
    candidate = Fleet(
        variant=variant(version),
        instance_type=spec.endpoint.instance_type,
        instance_count=total,
        config=names.rollout_resource(rollout_id, "live"),
        model=names.rollout_resource(rollout_id, "model"),
    )
    engine: Engine = "weights"
    if baseline is None:
        engine = "create"
    elif baseline.variant == candidate.variant:
        engine = "none"
    elif not spec.rollout.planned_stages():
        engine = "replace"
    return Plan(
        engine=engine,
        endpoint=names.endpoint(spec.name, spec.endpoint.suffix),
        candidate=candidate,
        baseline=baseline,
        canary_config=names.rollout_resource(rollout_id, "canary"),
        stages=_stages(spec, total) if engine == "weights" else (),
        period_seconds=spec.endpoint.period_seconds,
        look_seconds=_look_seconds(spec.rollout, spec.endpoint.period_seconds),
        max_hold_seconds=spec.rollout.max_hold_seconds,
        watch_seconds=spec.rollout.watch_seconds,
        on_doubt=spec.rollout.on_doubt,
        judge=spec.rollout.judge,
        alarms=spec.rollout.alarms,
        experiment=_experiment(spec) if engine == "weights" else None,
    )


def _experiment(spec: ModelSpec) -> Experiment | None:
    if spec.rollout.strategy != "ab_test":
        return None
    return experiment_of(spec.rollout.ab_test, spec.endpoint.period_seconds)


def _baseline(live: EndpointState | None) -> Fleet | None:
    if live is None:
        return None
    if live.status == "Failed":
        raise PlanError(f"endpoint {live.name} is Failed ({live.failure_reason}); delete it and approve again")
    if len(live.variants) != 1:
        found = ", ".join(sorted(each.name for each in live.variants))
        raise PlanError(f"endpoint {live.name} serves {found}; a canary starts from exactly one variant")
    only = live.variants[0]
    if not only.model or not only.instance_type:
        raise PlanError(
            f"config {live.config} of endpoint {live.name} is gone or names no model and instance type for "
            f"{only.name}: there would be no way back to it"
        )
    return Fleet(
        variant=only.name,
        instance_type=only.instance_type,
        instance_count=max(only.desired_count, 1),
        config=live.config,
        model=only.model,
    )


def _stages(spec: ModelSpec, total: int) -> tuple[PlannedStage, ...]:
    return tuple(
        PlannedStage(
            weight=stage.weight,
            bake_seconds=stage.bake_seconds,
            candidate_count=max(1, ceil(total * stage.weight / 100)),
        )
        for stage in spec.rollout.planned_stages()
    )


def _look_seconds(rollout: Rollout, period_seconds: int) -> int:
    """Look once a period, or less often where a very long rollout would fill the execution's history."""
    return max(period_seconds, ceil((rollout.longest_stages_seconds + rollout.watch_seconds) / MAX_LOOKS))


def weights_at(plan: Plan, weight: int) -> dict[str, float]:
    """Weights in percent with ``weight`` on the candidate; they never sum to zero."""
    if plan.baseline is None:
        return {plan.candidate.variant: 100.0}
    return {plan.baseline.variant: 100.0 - weight, plan.candidate.variant: float(weight)}


def first_fleet(plan: Plan) -> int:
    """Instances of the candidate when it is provisioned: what its first stage needs."""
    return plan.stages[0].candidate_count if plan.stages else plan.candidate.instance_count
