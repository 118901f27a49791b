"""Makes the plan of a rollout from the spec and the endpoint's state; refuses what AWS would refuse later. Pure."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import ceil

from sluice.endpoint.scaling_rules import rules_for
from sluice.endpoint.state import EndpointState, ServerlessSize, VariantState
from sluice.names import Names, variant
from sluice.rollout.model.plan import (
    Engine,
    Experiment,
    Mirror,
    Plan,
    PlanError,
    PlannedFleet,
    PlannedStage,
    experiment_from,
)
from sluice.rollout_id import RolloutId
from sluice.spec.endpoint import Endpoint
from sluice.spec.model import ModelSpec
from sluice.spec.serving import Serverless
from sluice.spec.serving_modes import obstacle_between
from sluice.spec.strategies import BlueGreen, steps_of

_MAX_ANALYSES = 300
"""Analyses of all stages of a rollout together. Each costs 9 history events, so that an execution with everything else
stays below 10,000 of the 25,000 events that Step Functions allows."""

_ENGINES: dict[str, Engine] = {"blue_green": "guardrails", "shadow": "shadow", "all_at_once": "replace"}


def make_plan(spec: ModelSpec, names: Names, rollout_id: str, version: int, live: EndpointState | None) -> Plan:
    """The plan that takes ``version`` live; ``live`` is the endpoint's present state, None if it does not exist.

    Raises:
        PlanError: the endpoint has failed, does not serve exactly one variant, is of another type than the spec's, or
            is too small for a deployment in parts; or its config was deleted, without which no rollback is possible.
    """
    baseline = _baseline(live, spec.endpoint.type) if live and spec.endpoint.type != "batch" else None
    engine = _engine(spec, names, version, baseline)
    total = max(spec.endpoint.instance_count, baseline.instance_count if baseline else 0)
    if engine == "guardrails":
        total = _enough_for_parts(spec, total)
        _refuse_parts_of_one(spec.rollout.blue_green, total)
    stages = _stages(spec, total) if engine in ("weights", "shadow") else ()
    return Plan(
        engine=engine,
        endpoint=names.endpoint(spec.name, spec.endpoint.suffix),
        candidate=_candidate(spec, names, rollout_id, _variant_name(engine, rollout_id, baseline), total),
        baseline=baseline,
        canary_config=names.rollout_resource(rollout_id, "shadow" if engine == "shadow" else "canary"),
        stages=stages,
        period_seconds=spec.endpoint.period_seconds,
        look_seconds=_seconds_between_analyses(spec),
        max_hold_seconds=spec.rollout.max_hold_seconds,
        watch_seconds=spec.rollout.watch_seconds,
        on_doubt=spec.rollout.on_doubt,
        gate=spec.rollout.gate,
        windows=spec.rollout.windows,
        judge=spec.rollout.judge,
        alarms=spec.rollout.alarms,
        experiment=_experiment(spec) if engine == "weights" else None,
        strategy=spec.rollout.strategy,
        blue_green=spec.rollout.blue_green if engine == "guardrails" else None,
        mirror=_mirror(spec, rollout_id) if engine == "shadow" else None,
        async_invocations=(
            spec.endpoint.async_.max_concurrent_invocations_per_instance if spec.endpoint.type == "async" else None
        ),
        detailed_observability=spec.endpoint.detailed_observability,
        # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html, feature exclusions
        network_isolation=spec.endpoint.network_isolation and spec.endpoint.type != "serverless",
        response_seconds=_response_seconds(spec.endpoint),
    )


def _response_seconds(endpoint: Endpoint) -> int | None:
    if endpoint.type == "async":
        return endpoint.async_.invocation_timeout_seconds
    return endpoint.batch.invocation_timeout_seconds if endpoint.type == "batch" else None


def endpoint_as_deployed(endpoint: Endpoint, live: EndpointState) -> Endpoint:
    """The spec's section with the endpoint's present type; a spec may already describe another type.

    An urgent rollout takes the endpoint as it is. The spec's scaling would be that of another type: it is left out, so
    the capacity stays.
    """
    if live.kind == endpoint.type or not live.variants:
        return endpoint
    size = live.variants[0].serverless
    return replace(
        endpoint,
        type=live.kind,
        instance_type=live.variants[0].instance_type or endpoint.instance_type,
        serverless=Serverless(**asdict(size)) if size else endpoint.serverless,
        scaling=None,
    )


def _engine(spec: ModelSpec, names: Names, version: int, baseline: PlannedFleet | None) -> Engine:
    if spec.endpoint.type == "batch":
        return "batch"
    if baseline is None:
        return "create"
    if names.version_served(baseline.variant, baseline.model) == version:
        return "none"
    return _ENGINES.get(spec.rollout.strategy, "weights")


def _baseline(live: EndpointState, wanted_kind: str) -> PlannedFleet:
    if live.status == "Failed":
        raise PlanError(f"endpoint {live.name} is Failed ({live.failure_reason}); delete it and approve again")
    if len(live.variants) != 1 or live.shadows:
        found = ", ".join(sorted(each.name for each in (*live.variants, *live.shadows)))
        raise PlanError(f"endpoint {live.name} serves {found}; a rollout starts from exactly one variant")
    only = live.variants[0]
    if not only.model or not (only.instance_type or only.serverless):
        raise PlanError(
            f"config {live.config} of endpoint {live.name} is gone or names no model and instance type for "
            f"{only.name}: there would be no way back to it"
        )
    if obstacle := obstacle_between(live.name, live.kind, wanted_kind):
        raise PlanError(obstacle)
    return _as_fleet(only, live.config)


def _as_fleet(only: VariantState, config: str) -> PlannedFleet:
    return PlannedFleet(
        variant=only.name,
        instance_type=only.instance_type,
        instance_count=max(only.desired_count, 1),
        config=config,
        model=only.model,
        serverless=only.serverless,
        weight=only.weight or 100.0,
    )


def _enough_for_parts(spec: ModelSpec, total: int) -> int:
    """At least two instances if autoscaling has left one, which cannot be deployed in parts."""
    rules = rules_for(spec.endpoint)
    in_parts = spec.rollout.blue_green.routing != "all_at_once"
    return max(total, min(2, rules.most)) if rules and in_parts else total


def _refuse_parts_of_one(blue_green: BlueGreen, total: int) -> None:
    """Refuse what SageMaker would refuse, or would carry out differently from the spec."""
    if blue_green.routing != "all_at_once" and total < 2:
        raise PlanError(
            f"rollout.blue_green.routing {blue_green.routing} moves traffic with instances and needs 2 or more; the "
            "endpoint has 1. Use all_at_once, or set endpoint.instance_count"
        )
    waits = blue_green.wait_seconds * steps_of(blue_green, total) + blue_green.termination_wait_seconds
    if blue_green.timeout_seconds <= waits:
        raise PlanError(
            f"rollout.blue_green.timeout of {blue_green.timeout_seconds} s is over before the waits of its "
            f"{steps_of(blue_green, total)} steps on {total} instances, {waits} s"
        )


def _variant_name(engine: Engine, rollout_id: str, baseline: PlannedFleet | None) -> str:
    """SageMaker's own deployments keep the variant's name; beside a baseline the candidate needs another name.

    So a baseline may be named ``v1`` and serve version 7, if SageMaker deployed that in its place.
    """
    rollout = RolloutId.required(rollout_id)
    if baseline and engine in ("guardrails", "none"):
        return baseline.variant
    name = variant(rollout.version)
    return f"{name}-{rollout.attempt}" if baseline and baseline.variant == name else name


def _candidate(spec: ModelSpec, names: Names, rollout_id: str, variant_name: str, total: int) -> PlannedFleet:
    serverless = spec.endpoint.type == "serverless"
    size = spec.endpoint.serverless
    return PlannedFleet(
        variant=variant_name,
        instance_type="" if serverless else spec.endpoint.instance_type,
        instance_count=1 if serverless else total,
        config=names.rollout_resource(rollout_id, "live"),
        model=names.rollout_resource(rollout_id, "model"),
        serverless=ServerlessSize(
            memory_mb=size.memory_mb,
            max_concurrency=size.max_concurrency,
            provisioned_concurrency=size.provisioned_concurrency,
        )
        if serverless
        else None,
    )


def _experiment(spec: ModelSpec) -> Experiment | None:
    if spec.rollout.strategy != "ab_test":
        return None
    return experiment_from(spec.rollout.ab_test, spec.endpoint.period_seconds)


def _mirror(spec: ModelSpec, rollout_id: str) -> Mirror:
    shadow = spec.rollout.shadow
    return Mirror(
        share_percent=shadow.share_percent,
        tolerance_percent=shadow.tolerance_percent,
        min_agreement_percent=shadow.min_agreement_percent,
        min_requests=shadow.min_requests,
        capture_prefix=f"capture/{spec.name}/{rollout_id}/",
    )


def _stages(spec: ModelSpec, total: int) -> tuple[PlannedStage, ...]:
    if spec.rollout.strategy == "shadow":
        shadow = spec.rollout.shadow
        count = max(1, ceil(total * shadow.share_percent / 100))
        return (PlannedStage(weight=0, bake_seconds=shadow.duration_seconds, candidate_count=count),)
    return tuple(
        PlannedStage(
            weight=stage.weight,
            bake_seconds=stage.bake_seconds,
            candidate_count=max(1, ceil(total * stage.weight / 100)),
            gate=stage.gate,
        )
        for stage in spec.rollout.planned_stages()
    )


def _seconds_between_analyses(spec: ModelSpec) -> int:
    """Analyze once a period, or less often where a very long rollout would fill the execution's history."""
    longest = spec.rollout.longest_seconds()
    return max(spec.endpoint.period_seconds, ceil(longest / _MAX_ANALYSES))
