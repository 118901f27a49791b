"""Reconciles an endpoint with its plan: decides the next step from the present state towards the desired one. Pure.

Events and return values are hints; only the state that DescribeEndpoint returns counts. The caller applies the step
and reconciles again until the result is ``Done``. So each function is idempotent: a repeated, late or interrupted call
ends in the same state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from sluice.endpoint.state import CHANGING, EndpointState
from sluice.rollout.model.plan import Plan, PlannedFleet, weights_at

_OF_VERSION = re.compile(r"\bping\b|\bhealth|\balarms?\b|stand up your model|extract model data", re.IGNORECASE)
"""In FailureReason of endpoints: the container does not get healthy, its artifact is no archive, or an alarm rang. The
texts are not documented. So of any other the version is not blamed: "Request to service failed", too few zones with the
instance type, an image or an artifact that the role may not read."""

_NAMES = re.compile(r"\"[^\"]*\"|\b(?:s3|arn):\S+")
"""Of containers, objects and resources: a model may be called health."""

_NOT_OF_VERSION = ("capacity", "service limit", "limitexceeded", "quota", "internal")
"""What AWS lacks, whatever else the text says: InsufficientInstanceCapacity, quotas of the account, internal errors."""

_SHARE_TOLERANCE = 1e-3  # SageMaker keeps weights as 32-bit floats


@dataclass(frozen=True, slots=True)
class Done:
    """The endpoint is in service in the desired state."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The endpoint is changing; reconcile again later."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """No step leads to the desired state.

    ``by_sagemaker``: SageMaker rolled its deployment back, on an alarm or because the model did not become healthy.
    ``is_of_version``: the candidate is to blame; not for what people did, and not if AWS lacked capacity.
    """

    reason: str
    by_sagemaker: bool = False
    is_of_version: bool = False


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    config: str


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """A failed endpoint accepts no other operation."""


@dataclass(frozen=True, slots=True)
class UseConfig:
    """Update the endpoint to a config.

    ``guarded``: SageMaker shifts the traffic as the plan's deployment says, and rolls it back on an alarm.
    """

    config: str
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class StopDeployment:
    """SageMaker is to roll back the deployment that is under way."""


@dataclass(frozen=True, slots=True)
class SetCapacity:
    variant: str
    count: int


@dataclass(frozen=True, slots=True)
class SetWeights:
    weights: Mapping[str, float]


ReconcileStep = (
    Done | Wait | Impossible | CreateEndpoint | DeleteEndpoint | UseConfig | StopDeployment | SetCapacity | SetWeights
)


def next_step_towards_candidate(
    plan: Plan, state: EndpointState | None, requested: frozenset[str], *, is_recent: bool = False
) -> ReconcileStep:
    """Towards the candidate's fleet: beside the baseline without traffic, in its place, or as a new endpoint.

    ``requested`` holds the configs that were requested before: if the endpoint is in service without one of them,
    SageMaker has rolled that update back. If the last request ``is_recent``, DescribeEndpoint may not show it yet.
    """
    if plan.engine == "batch":
        return Done()
    if plan.engine == "none":
        return _still_serving(plan, state)
    desired = plan.canary_config if plan.engine in ("weights", "shadow") else plan.candidate.config
    if state is None:
        if plan.engine == "create":
            return CreateEndpoint(desired)
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    is_mixed = state.status == "UpdateRollbackFailed" and plan.engine == "replace"  # which only an update repairs
    if (unsettled := _unsettled(state)) and not is_mixed:
        return unsettled
    if state.config == desired and not is_mixed:
        return Done()
    if plan.baseline is None or state.config != plan.baseline.config:
        return _changed_by_hand(state)
    return _use_once(UseConfig(desired, guarded=plan.engine == "guardrails"), state, requested, is_recent=is_recent)


def _still_serving(plan: Plan, state: EndpointState | None) -> ReconcileStep:
    """The version was live when the rollout was planned: there is nothing to do if it is still."""
    if state is None:
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if plan.baseline is None or state.config != plan.baseline.config:
        return _changed_by_hand(state)
    return _unsettled(state) or Done()


def next_step_towards_stage(plan: Plan, weight: int, count: int, state: EndpointState | None) -> ReconcileStep:
    """Towards ``weight`` percent of the traffic on ``count`` instances of the candidate; capacity before traffic.

    A shadow variant has all its instances from its creation, so it needs no step.
    """
    if state is None:
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if unsettled := _unsettled(state):
        return unsettled
    if plan.engine == "shadow":
        return Done() if state.config == plan.canary_config and state.shadows else _changed_by_hand(state)
    candidate = state.variant(plan.candidate.variant)
    if state.config != plan.canary_config or candidate is None:
        return _changed_by_hand(state)
    if candidate.desired_count < count:
        return SetCapacity(candidate.name, count)
    if abs(state.share(candidate.name) - weight / 100) <= _SHARE_TOLERANCE:
        return Done()
    needed = _count_for_load(plan, weight, state)
    if candidate.desired_count < needed:
        return SetCapacity(candidate.name, needed)
    return SetWeights(weights_at(plan, weight))


def _count_for_load(plan: Plan, weight: int, state: EndpointState) -> int:
    """Instances for ``weight`` percent if the load has grown since the plan, in proportion to the baseline's growth.

    Zero without autoscaling, and while the baseline has no more instances than planned.
    """
    now = state.variant(plan.baseline.variant) if plan.baseline else None
    if plan.scaling is None or plan.baseline is None or now is None:
        return 0
    carried = now.weight / sum(each.weight for each in state.variants)
    if now.desired_count <= plan.baseline.instance_count or carried <= _SHARE_TOLERANCE:
        return 0
    return min(plan.scaling.most, ceil(now.desired_count * weight / 100 / carried))


def next_step_towards_promotion(
    plan: Plan, state: EndpointState | None, requested: frozenset[str], *, is_recent: bool = False
) -> ReconcileStep:
    """Towards the candidate serving alone on its full fleet."""
    if state and state.is_settled and state.config == plan.candidate.config:
        return Done()
    if plan.engine not in ("weights", "shadow"):
        return next_step_towards_candidate(plan, state, requested, is_recent=is_recent)
    step = next_step_towards_stage(plan, 100, plan.candidate.instance_count, state)
    if isinstance(step, Done) and state is not None:
        return _use_once(UseConfig(plan.candidate.config), state, requested, is_recent=is_recent)
    return step


def next_step_towards_baseline(plan: Plan, state: EndpointState | None) -> ReconcileStep:
    """Towards the baseline serving alone again: first its traffic, then the removal of the candidate's fleet."""
    baseline = plan.baseline
    if plan.engine in ("none", "batch"):
        return Done()
    if baseline is None:
        return _next_step_without_baseline(plan, state)
    if state is None:
        return Impossible(f"endpoint {plan.endpoint} has been deleted")
    if state.status == "UpdateRollbackFailed":
        return UseConfig(baseline.config)  # only another update repairs a mixed fleet
    if state.status == "OutOfService" and state.config in (plan.canary_config, plan.candidate.config):
        return UseConfig(baseline.config)  # SageMaker may refuse it: then it is tried again until it is in service
    if state.status == "Updating" and plan.engine == "guardrails" and state.deploying == plan.candidate.config:
        return StopDeployment()
    return _unsettled(state) or _back_to(baseline, plan, state)


def _back_to(baseline: PlannedFleet, plan: Plan, state: EndpointState) -> ReconcileStep:
    if state.config == plan.canary_config and state.share(plan.candidate.variant) > _SHARE_TOLERANCE:
        return SetWeights(weights_at(plan, 0))
    if state.config in (plan.canary_config, plan.candidate.config):
        return UseConfig(baseline.config)
    if state.config != baseline.config:
        return _changed_by_hand(state)
    serving = state.variant(baseline.variant)
    if serving and not serving.serverless and serving.desired_count < baseline.instance_count:
        return SetCapacity(baseline.variant, baseline.instance_count)
    return Done()


def _next_step_without_baseline(plan: Plan, state: EndpointState | None) -> ReconcileStep:
    """A first deployment has no baseline: keep an endpoint that serves, and delete one that failed."""
    if state is None:
        return Done()
    if state.status == "Failed":
        return DeleteEndpoint() if state.config == plan.candidate.config else _changed_by_hand(state)
    return Wait() if state.status in CHANGING else Done()


def _unsettled(state: EndpointState) -> ReconcileStep | None:
    if state.is_settled:
        return None
    if state.status in CHANGING and state.status != "Deleting":
        return Wait()
    why = state.failure_reason
    reason = f"endpoint {state.name} is {state.status}: {why or 'no reason given'}"
    return Impossible(reason, is_of_version=state.status == "Failed" and _blames_version(why))


def _use_once(step: UseConfig, state: EndpointState, requested: frozenset[str], *, is_recent: bool) -> ReconcileStep:
    if step.config in requested and is_recent:
        return Wait()
    if step.config in requested:
        why = state.failure_reason
        reason = f"SageMaker rolled the update to {step.config} back: {why or 'no reason given'}"
        return Impossible(reason, by_sagemaker=step.guarded, is_of_version=_blames_version(why))
    return step


def _blames_version(why: str) -> bool:
    """Whether SageMaker's reason is about the version; not if it has none, or one that is not known."""
    said = _NAMES.sub("", why).casefold()
    return bool(_OF_VERSION.search(said)) and not any(word in said for word in _NOT_OF_VERSION)


def _changed_by_hand(state: EndpointState) -> ReconcileStep:
    return Impossible(f"endpoint {state.name} was changed by hand: it uses {state.config}")
