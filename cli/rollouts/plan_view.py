"""How a planned rollout is shown to people, and to programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sluice.rollout.gates.gates import HUMAN
from sluice.rollout.model.plan import Plan
from sluice.spec.schema.fields import Duration

from cli.rollouts.forecast import Cost, Proof, Traffic
from cli.session import CliSession

_IN_WORDS = {
    "create": "a new endpoint, without stages: there is nothing to compare with",
    "weights": "both versions in one endpoint, the traffic moves by weight",
    "replace": "the new fleet takes the old one's place at once",
    "guardrails": "SageMaker starts a second fleet, moves the traffic and goes back on an alarm",
    "shadow": "the new version gets copies of requests, no client sees its answers",
    "batch": "the next batch runs with the new version, once it has answered a sample beside the old one",
    "none": "nothing: this version is live",
}
_WITHOUT_STRATEGY = {"create": "as a new endpoint", "none": "is not needed, as it is live"}
"""Where the spec's strategy has nothing to do."""

_span = Duration(0, 1 << 31).write


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRollout:
    """Everything that `sluice plan` tells of one model; without a plan the problems say why."""

    model: str
    version: int
    strategy: str
    plan: Plan | None
    traffic: Traffic | None
    proof: Proof | None
    least_seconds: int
    cost: Cost | None
    triggers: tuple[str, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def show_plan(session: CliSession, found: PlannedRollout) -> None:
    """For people."""
    how = _WITHOUT_STRATEGY.get(found.plan.engine, "") if found.plan else ""
    session.out.text(f"Rollout of {found.model}/{found.version} {how or f'by {found.strategy}'}; nothing is changed")
    if found.plan is not None:
        _show_course(session, found.plan)
        for line in _numbers(found, found.plan):
            session.out.text(line)
        rows = [(trigger.partition(": ")[0], trigger.partition(": ")[2]) for trigger in found.triggers]
        if rows:
            session.out.table("What puts the old version back", ("by", "when"), rows)
        elif found.plan.engine == "create":
            session.out.text("  no way back: this is the first version on this endpoint")
    for remark in found.remarks:
        session.out.text(f"Note: {remark}")
    for problem in found.problems:
        session.out.text(f"Problem: {problem}")


def _show_course(session: CliSession, plan: Plan) -> None:
    session.out.text(f"  engine    {plan.engine}: {_IN_WORDS[plan.engine]}")
    session.out.text(f"  endpoint  {plan.endpoint}")
    rows = [
        (
            str(number),
            "copies" if plan.mirror else f"{stage.weight}%",
            str(stage.candidate_count),
            _span(stage.bake_seconds),
            _gate(stage.gate),
        )
        for number, stage in enumerate(plan.stages, start=1)
    ]
    if rows:
        session.out.table("Stages", ("stage", "traffic", "instances", "at least", "gate at its end"), rows)
    if plan.engine != "none":
        session.out.text(f"  promotion  {_promotion(plan)}")


def _promotion(plan: Plan) -> str:
    size = plan.candidate
    fleet = f"{size.instance_count} x {size.instance_type}" if size.instance_type else "serverless"
    parts = ["100%" if plan.engine != "batch" else "the next batch", fleet]
    if plan.watch_seconds:
        parts.append(f"watched for {_span(plan.watch_seconds)}")
    if plan.gate:
        parts.append(f"after {_gate(plan.gate)} agrees")
    return ", ".join(parts)


def _gate(keeper: str | None) -> str:
    if keeper is None:
        return ""
    return "a person" if keeper == HUMAN else keeper.split(":function:")[-1]


def _numbers(found: PlannedRollout, plan: Plan) -> Iterator[str]:
    if plan.engine in ("weights", "shadow", "guardrails", "replace"):
        yield f"  lasts at least {_span(found.least_seconds)}, and the time that SageMaker takes to start instances"
    if found.traffic is not None:
        yield f"  traffic now: {found.traffic.per_minute:,.1f} requests a minute in the last hour"
    if plan.stages and plan.mirror is None:
        yield f"  {_proof(found.proof, found.traffic)}"
    if found.cost is not None:
        cost = found.cost
        spread = f"${cost.least_usd:,.2f} to ${cost.most_usd:,.2f}"
        yield f"  the second fleet costs {spread} (estimate; list prices of {cost.region}, {cost.as_of})"


def _proof(proof: Proof | None, traffic: Traffic | None) -> str:
    if traffic is None or not traffic.requests:
        return "no requests in the last hour: without traffic there is no proof, and the rollout holds"
    if proof is None:
        return "at this traffic a version as good as the live one would not be proved safe within days"
    return (
        f"a version as good as the live one is proved safe after about {proof.requests:,} of its requests, "
        f"{_span(proof.seconds)} at the first stage's weight"
    )


def as_json(found: PlannedRollout) -> Mapping[str, Any]:
    """For programs; ``plan`` is null when there is a problem that keeps it from being made."""
    return {**asdict(found), "plan": found.plan.to_json() if found.plan else None}
