"""How advice on ways to serve is shown to people, and to programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import log10
from typing import Any

from cli.output import Output
from cli.sizing.advice import Advice, Verdict, endpoint_settings
from cli.sizing.plot import log_plot, short
from cli.sizing.serving_costs import Costs, assumptions

_COLUMNS = 60


def show(out: Output, advice: Advice) -> None:
    """What to choose and why, then the others, the crossover and everything it rests on."""
    out.text(f"Choose {advice.chosen.type}. {advice.why}" if advice.chosen else advice.why)
    out.text("")
    head = ("type", "fits", "USD a month", "what it breaks, or what to live with")
    out.table("All ways to serve", head, [_row(one) for one in advice.verdicts])
    out.text("")
    _show_crossover(out, advice)
    out.text("")
    out.text("This rests on:")
    for one in assumptions(advice.costs):
        out.text(f"  - {one}")
    if advice.chosen:
        out.text("")
        out.text(block(advice.chosen.type, advice.costs))


def _row(one: Verdict) -> tuple[str, str, str, str]:
    return one.type, "yes" if one.fits else "no", f"{one.usd_per_month:,.2f}", "; ".join(one.breaks or one.drawbacks)


def block(kind: str, costs: Costs) -> str:
    """The spec's ``endpoint:`` section, ready to be pasted."""
    return "\n".join(
        ["endpoint:", *(f"  {key}: {_yaml(value)}" for key, value in endpoint_settings(kind, costs).items())]
    )


def _yaml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {inner}" for key, inner in value.items()) + "}"
    return str(value)


def _show_crossover(out: Output, advice: Advice) -> None:
    costs, crossing = advice.costs, advice.crossover
    if costs.load.gpu:
        out.text("No crossover with serverless: it has no GPU.")
        return
    if crossing is None:
        out.text("Serverless is cheaper at any number of requests: a full instance costs more than what it serves.")
    else:
        again = f", and for good from {crossing.for_good:,}" if crossing.for_good > crossing.first else ""
        out.text(f"Real-time is cheaper than serverless from {crossing.first:,} requests a month{again}.")
    for line in _plot(costs, crossing.first if crossing else costs.load.requests_per_month):
        out.text(line)


def _plot(costs: Costs, crossing: int) -> list[str]:
    """Both costs over the requests per month: around the workload's own number and around the crossing."""
    ends = sorted((costs.load.requests_per_month, crossing))
    low, high = log10(max(1, ends[0] / 10)), log10(ends[1] * 10)
    requests = [round(10 ** (low + (high - low) * step / (_COLUMNS - 1))) for step in range(_COLUMNS)]
    lines = {
        "real-time": [costs.real_time(one) for one in requests],
        "serverless": [costs.serverless(one) for one in requests],
    }
    head = "USD a month over requests a month (r real-time, s serverless, * both; log scales)"
    return [head, *log_plot(requests, lines), f"your workload: {short(costs.load.requests_per_month)} a month"]


def as_json(advice: Advice) -> Mapping[str, Any]:
    """All of it; ``endpoint`` is null when nothing fits."""
    chosen = advice.chosen
    return {
        "type": chosen.type if chosen else None,
        "why": advice.why,
        "types": [asdict(one) | {"fits": one.fits} for one in advice.verdicts],
        "crossover_requests_per_month": asdict(advice.crossover) if advice.crossover else None,
        "endpoint": dict(endpoint_settings(chosen.type, advice.costs)) if chosen else None,
        "assumptions": list(assumptions(advice.costs)),
    }
