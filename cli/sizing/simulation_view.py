"""How a simulated run is shown to people, and to programs; both say that it is a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cli.output import Output
from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.capacity.search import Suggestion
from cli.sizing.capacity.simulator import Fleet, Minute, Run, Totals
from cli.sizing.capacity.trace import Trace
from cli.sizing.plot import short, sparkline

NOTE = "SIMULATION on a virtual clock: nothing here was measured on AWS."


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was simulated, and what came of it."""

    model: str
    instance_type: str
    trace: Trace
    policy: TargetTracking
    fleet: Fleet
    run: Run
    p95_goal_seconds: float
    suggestion: Suggestion | None


def show(out: Output, simulation: Simulation) -> None:
    """The run as rows of bars over time, the totals, and the suggestion."""
    fleet, policy = simulation.fleet, simulation.policy
    out.text(NOTE)
    out.text(
        f"{simulation.model}: {simulation.trace.total:,} requests in {simulation.trace.minutes} minutes on "
        f"{policy.min_instances} to {policy.max_instances} {simulation.instance_type}, {fleet.concurrency} requests at "
        f"once on each, {fleet.startup_seconds:g} s to start one, cooldowns {policy.scale_in_cooldown_seconds} s in "
        f"and {policy.scale_out_cooldown_seconds} s out"
    )
    out.text("")
    out.text(f"Over time, with a target of {policy.target:g} a minute and instance (simulated)")
    for line in _timeline(simulation.run.minutes):
        out.text(f"  {line}")
    out.text("")
    head = ("target", "instances", "utilisation", "p50 ms", "p95 ms", "p99 ms", "worst minute's p95", "rejected", "USD")
    rows = [_row("", policy.target, simulation.run.totals())]
    if simulation.suggestion:
        rows += [_row(" tried", one.target, one.totals) for one in simulation.suggestion.tried]
    out.table("Targets (simulated)", head, rows)
    if simulation.suggestion:
        out.text("")
        out.text(_advice(simulation, simulation.suggestion))


def _timeline(minutes: Sequence[Minute]) -> list[str]:
    series = {
        "requests a minute": [float(one.arrived) for one in minutes],
        "instances": [float(one.ready + one.starting) for one in minutes],
        "utilisation %": [100 * one.utilisation for one in minutes],
        "p95 ms": [1000 * (one.percentile(0.95) or 0.0) for one in minutes],
        "rejected a minute": [float(one.rejected) for one in minutes],
    }
    width = max(map(len, series))
    return [f"{name:<{width}} |{sparkline(values)}| up to {short(max(values))}" for name, values in series.items()]


def _row(mark: str, target: float, run: Totals) -> tuple[str, ...]:
    times = map(_ms, (run.p50, run.p95, run.p99, run.worst_p95))
    return (
        f"{target:g}{mark}",
        f"{run.most_instances}",
        f"{run.utilisation:.0%}",
        *times,
        f"{run.rejected:,}",
        f"{run.usd:,.2f}",
    )


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.0f}"


def _advice(simulation: Simulation, suggestion: Suggestion) -> str:
    goal = f"every minute a p95 within {_ms(simulation.p95_goal_seconds)} ms and nothing rejected"
    best, now = suggestion.best, simulation.run.totals()
    if not suggestion.good:
        return (
            f"Simulated: no target gives {goal}. Instances start too late or are too few: raise --min-instances or "
            f"--max-instances, or scale by a schedule. "
            f"The nearest is {best.target:g}: {best.totals.rejected:,} rejected."
        )
    if _meets(now, simulation.p95_goal_seconds) and now.usd <= best.totals.usd:
        return f"Simulated: {simulation.policy.target:g} gives {goal}, and no other that was tried is cheaper."
    return (
        f"Simulated: better is a target of {best.target:g}, the cheapest that gives {goal}: "
        f"${best.totals.usd:,.2f} instead of ${now.usd:,.2f} for this trace."
    )


def _meets(run: Totals, p95_seconds: float) -> bool:
    return run.rejected == 0 and run.worst_p95 is not None and run.worst_p95 <= p95_seconds


def as_json(simulation: Simulation) -> Mapping[str, Any]:
    """All of it, minute by minute; times are in milliseconds."""
    suggestion, fleet = simulation.suggestion, simulation.fleet
    return {
        "simulation": True,
        "note": NOTE,
        "model": simulation.model,
        "instance_type": simulation.instance_type,
        "concurrency": fleet.concurrency,
        "startup_seconds": fleet.startup_seconds,
        "policy": asdict(simulation.policy),
        "totals": _totals(simulation.policy.target, simulation.run.totals()),
        "minutes": [_minute(index, one) for index, one in enumerate(simulation.run.minutes)],
        "suggestion": _suggested(suggestion) if suggestion else None,
        "tried": [_totals(one.target, one.totals) for one in suggestion.tried] if suggestion else [],
        "p95_goal_ms": simulation.p95_goal_seconds * 1000,
    }


def _suggested(suggestion: Suggestion) -> dict[str, Any]:
    return _totals(suggestion.best.target, suggestion.best.totals) | {"meets_goal": suggestion.good}


def _totals(target: float, run: Totals) -> dict[str, Any]:
    return {
        "target": target,
        "requests": run.requests,
        "rejected": run.rejected,
        "most_instances": run.most_instances,
        "instance_hours": run.instance_hours,
        "utilisation": run.utilisation,
        "p50_ms": _milliseconds(run.p50),
        "p95_ms": _milliseconds(run.p95),
        "p99_ms": _milliseconds(run.p99),
        "worst_minute_p95_ms": _milliseconds(run.worst_p95),
        "usd": run.usd,
    }


def _minute(index: int, one: Minute) -> dict[str, Any]:
    return {
        "minute": index,
        "requests": one.arrived,
        "rejected": one.rejected,
        "instances": one.ready,
        "starting": one.starting,
        "waiting": one.waiting,
        "utilisation": one.utilisation,
        "p95_ms": _milliseconds(one.percentile(0.95)),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
