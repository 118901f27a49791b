"""The next step from what an endpoint is towards what it should be. Pure: state in, one step out.

Events and return values are hints; only the described state counts. Each function is asked again after every step
until it answers ``Done``, so a repeated, late or interrupted call ends in the same state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from sluice.endpoint.state import CHANGING, EndpointState
from sluice.rollout.model.plan import Fleet, Plan, weights_at

_SHARE_TOLERANCE = 1e-3  # SageMaker keeps weights as 32-bit floats


@dataclass(frozen=True, slots=True)
class Done:
    """The endpoint is as wanted and in service."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The endpoint is changing; ask again later."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """No step of ours leads there.

    ``by_sagemaker``: a deployment was taken back by its alarms, or because the model did not become healthy.
    """

    reason: str
    by_sagemaker: bool = False


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    config: str


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """A failed endpoint accepts nothing else."""


@dataclass(frozen=True, slots=True)
class UseConfig:
    """``guarded``: SageMaker moves the traffic as the plan's deployment says, and takes it back on an alarm."""

    config: str
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class StopDeployment:
    """SageMaker is to take back the deployment it is carrying out."""


@dataclass(frozen=True, slots=True)
class SetCapacity:
    variant: str
    count: int


@dataclass(frozen=True, slots=True)
class SetWeights:
    weights: Mapping[str, float]


Step = (
    Done | Wait | Impossible | CreateEndpoint | DeleteEndpoint | UseConfig | StopDeployment | SetCapacity | SetWeights
)


def towards_candidate(plan: Plan, state: EndpointState | None, asked: frozenset[str]) -> Step:
    """Towards the candidate's fleet: beside the baseline without traffic, in its place, or as a new endpoint.

    ``asked`` holds the configs already requested: an endpoint in service without one of them has rolled back.
    """
    if plan.engine in ("none", "batch"):
        return Done()
    wanted = plan.canary_config if plan.engine in ("weights", "shadow") else plan.candidate.config
    if state is None:
        if plan.engine == "create":
            return CreateEndpoint(wanted)
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if unsettled := _unsettled(state):
        return unsettled
    if state.config == wanted:
        return Done()
    if plan.baseline is None or state.config != plan.baseline.config:
        return _foreign(state)
    return _use_once(UseConfig(wanted, guarded=plan.engine == "guardrails"), state, asked)


def towards_stage(plan: Plan, weight: int, count: int, state: EndpointState | None) -> Step:
    """Towards ``weight`` percent on ``count`` instances of the candidate; capacity comes before traffic.

    A shadow is there, with all its instances, or it is not.
    """
    if state is None:
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if unsettled := _unsettled(state):
        return unsettled
    if plan.engine == "shadow":
        return Done() if state.config == plan.canary_config and state.shadows else _foreign(state)
    candidate = state.variant(plan.candidate.variant)
    if state.config != plan.canary_config or candidate is None:
        return _foreign(state)
    if candidate.desired_count < count:
        return SetCapacity(candidate.name, count)
    if abs(state.share(candidate.name) - weight / 100) <= _SHARE_TOLERANCE:
        return Done()
    needed = _count_for_load(plan, weight, state)
    if candidate.desired_count < needed:
        return SetCapacity(candidate.name, needed)
    return SetWeights(weights_at(plan, weight))


def _count_for_load(plan: Plan, weight: int, state: EndpointState) -> int:
    """What ``weight`` percent needs if the load has grown since the plan: the baseline, for its share, has grown, too.

    Zero without scaling, and while the baseline is as planned.
    """
    now = state.variant(plan.baseline.variant) if plan.baseline else None
    if plan.scaling is None or plan.baseline is None or now is None:
        return 0
    carried = now.weight / sum(each.weight for each in state.variants)
    if now.desired_count <= plan.baseline.instance_count or carried <= _SHARE_TOLERANCE:
        return 0
    return min(plan.scaling.most, ceil(now.desired_count * weight / 100 / carried))


def towards_promotion(plan: Plan, state: EndpointState | None, asked: frozenset[str]) -> Step:
    """Towards the candidate serving alone on its full fleet."""
    if state and state.is_settled and state.config == plan.candidate.config:
        return Done()
    if plan.engine not in ("weights", "shadow"):
        return towards_candidate(plan, state, asked)
    step = towards_stage(plan, 100, plan.candidate.instance_count, state)
    if isinstance(step, Done) and state is not None:
        return _use_once(UseConfig(plan.candidate.config), state, asked)
    return step


def towards_baseline(plan: Plan, state: EndpointState | None) -> Step:
    """Towards the baseline serving alone again: traffic first, the fleet of the candidate afterwards."""
    baseline = plan.baseline
    if plan.engine in ("none", "batch"):
        return Done()
    if baseline is None:
        return _towards_nothing(plan, state)
    if state is None:
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if state.status == "UpdateRollbackFailed":
        return UseConfig(baseline.config)  # a mixed fleet is repaired by another update
    if state.status == "Updating" and plan.engine == "guardrails" and state.deploying == plan.candidate.config:
        return StopDeployment()
    return _unsettled(state) or _back_to(baseline, plan, state)


def _back_to(baseline: Fleet, plan: Plan, state: EndpointState) -> Step:
    if state.config == plan.canary_config and state.share(plan.candidate.variant) > _SHARE_TOLERANCE:
        return SetWeights(weights_at(plan, 0))
    if state.config in (plan.canary_config, plan.candidate.config):
        return UseConfig(baseline.config)
    if state.config != baseline.config:
        return _foreign(state)
    serving = state.variant(baseline.variant)
    if serving and not serving.serverless and serving.desired_count < baseline.instance_count:
        return SetCapacity(baseline.variant, baseline.instance_count)
    return Done()


def _towards_nothing(plan: Plan, state: EndpointState | None) -> Step:
    """A first deployment has no baseline: an endpoint that serves is left alone, a failed one is removed."""
    if state is None:
        return Done()
    if state.status == "Failed":
        return DeleteEndpoint() if state.config == plan.candidate.config else _foreign(state)
    return Wait() if state.status in CHANGING else Done()


def _unsettled(state: EndpointState) -> Step | None:
    if state.is_settled:
        return None
    if state.status in CHANGING and state.status != "Deleting":
        return Wait()
    return Impossible(f"endpoint {state.name} is {state.status}: {state.failure_reason or 'no reason given'}")


def _use_once(step: UseConfig, state: EndpointState, asked: frozenset[str]) -> Step:
    if step.config in asked:
        why = state.failure_reason or "no reason given"
        return Impossible(f"SageMaker rolled the update to {step.config} back: {why}", by_sagemaker=step.guarded)
    return step


def _foreign(state: EndpointState) -> Step:
    return Impossible(f"endpoint {state.name} was changed by hand: it uses {state.config}")
