"""The story as one HTML file without outside resources: charts over time per variant, outcomes, timeline."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.drivers.progress import Outcome, Progress, StepGroup
from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import Sent
from rehearsal.reporting.measured import Measured
from rehearsal.reporting.screen import percentile

BUCKET_SECONDS = 2
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 180, 48, 22
COLOURS = ("#2f6fde", "#d9822b", "#7a3fbf", "#1f9d66", "#c23b5a")

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1040px;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #e3e7ee;vertical-align:top}
.ok{color:#1f9d66;font-weight:600}.bad{color:#c23b5a;font-weight:600}.dim{color:#69748a}svg{width:100%;height:auto}
code{font-size:.85em}figcaption{color:#69748a}figure{margin:1rem 0}
@media(prefers-color-scheme:dark){body{background:#12161d;color:#e4e9f2}td,th{border-color:#2a3240}}
"""


Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen from outside: by the client, by CloudWatch, on the event bus."""

    sent: Sequence[Sent]
    measured: Sequence[Measured]
    events: Sequence[Event]
    notes: Sequence[str] = ()  # sentences for people


def write_report(path: Path, progress: Progress, watched: Watched) -> None:
    """Write the report; everything in it was measured by the client or CloudWatch, or received as an event."""
    start = progress.started
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Sluice rehearsal</title>",
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>",
        "<h1>Sluice rehearsal</h1>",
        "<p class=dim>Played on the local AWS: real models, real requests, no AWS account. Times are seconds since"
        " the start.</p>",
        _outcomes(progress.outcomes()),
        *(f"<p>{html.escape(line)}</p>" for line in watched.notes),
        "<h2>Traffic</h2>",
        _chart("Traffic split, percent (CloudWatch)", _split(watched.measured, start)),
        _chart("Failed requests, percent (CloudWatch)", _failed(watched.measured, start)),
        _chart("Latency at the client, 95th percentile, ms", _latency(watched.sent, start)),
        _step_groups(progress.groups(), start),
        _events(watched.events, start),
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def _split(measured: Sequence[Measured], start: float) -> dict[str, Points]:
    totals = Counter[float]()
    for each in measured:
        totals.update(each.requests)
    return {
        each.variant: [(at - start, 100 * count / totals[at]) for at, count in sorted(each.requests.items()) if count]
        for each in measured
    }


def _failed(measured: Sequence[Measured], start: float) -> dict[str, Points]:
    return {
        each.variant: [
            (at - start, 100 * each.failed.get(at, 0.0) / count) for at, count in sorted(each.requests.items()) if count
        ]
        for each in measured
    }


def _latency(sent: Sequence[Sent], start: float) -> dict[str, Points]:
    buckets: dict[str, dict[int, list[float]]] = {}
    for each in sent:
        if not each.failed:
            at = int((each.at - start) // BUCKET_SECONDS) * BUCKET_SECONDS
            buckets.setdefault(each.variant, {}).setdefault(at, []).append(each.latency_ms)
    return {
        variant: [(float(at), percentile(values, 0.95)) for at, values in sorted(found.items())]
        for variant, found in sorted(buckets.items())
    }


def _chart(title: str, lines: Mapping[str, Points]) -> str:
    times = [x for points in lines.values() for x, _ in points]
    if not times:
        return f"<p>{html.escape(title)}: nothing was measured.</p>"
    begin, end = min(times), max(times)
    top = max(y for points in lines.values() for _, y in points) or 1.0

    def place(x: float, y: float) -> str:
        across = LEFT + (x - begin) / max(end - begin, 1) * (WIDTH - LEFT - 10)
        return f"{across:.1f},{HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - 12):.1f}"

    colours = dict(zip(lines, COLOURS, strict=False))
    drawn = "".join(
        f"<polyline fill=none stroke='{colours[variant]}' stroke-width=2 points='"
        + " ".join(place(x, y) for x, y in points)
        + "'/>"
        + "".join(f"<circle cx={place(x, y).replace(',', ' cy=')} r=2 fill='{colours[variant]}'/>" for x, y in points)
        for variant, points in lines.items()
    )
    legend = " ".join(
        f"<span style='color:{colours[variant]}'>&#9644; {html.escape(variant)}</span>" for variant in lines
    )
    axis = (
        f"<g font-size=11 fill=#69748a><text x=2 y=16>{top:.0f}</text><text x=2 y={HEIGHT - BOTTOM}>0</text>"
        f"<text x={LEFT} y={HEIGHT - 4}>{begin:.0f} s</text><text x={WIDTH - 50} y={HEIGHT - 4}>{end:.0f} s</text></g>"
        f"<line x1={LEFT} x2={WIDTH - 10} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} stroke=#b8c0cf />"
    )
    return (
        f"<figure><figcaption>{html.escape(title)} &nbsp; {legend}</figcaption>"
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='{html.escape(title)}'>{axis}{drawn}</svg></figure>"
    )


def _outcomes(outcomes: Sequence[Outcome]) -> str:
    rows = "".join(
        f"<tr><td class={'ok' if each.right else 'bad'}>{'right' if each.right else 'WRONG'}</td>"
        + "".join(f"<td>{html.escape(text)}</td>" for text in (each.what, each.wanted, each.seen))
        + "</tr>"
        for each in outcomes
    )
    return f"<h2>Outcomes</h2><table><tr><th></th><th>what</th><th>wanted</th><th>seen</th></tr>{rows}</table>"


def _step_groups(groups: Sequence[StepGroup], start: float) -> str:
    rows = "".join(
        f"<tr><td>{step.started - start:.1f}</td><td>{(step.ended or step.started) - step.started:.1f}</td>"
        f"<td>{html.escape(step.text)}<br><span class=dim>{html.escape(step.note)}</span></td></tr>"
        for group in groups
        for step in group.steps
    )
    return f"<h2>Steps</h2><table><tr><th>at</th><th>took</th><th>what</th></tr>{rows}</table>"


def _events(events: Sequence[Event], start: float) -> str:
    rows = "".join(
        f"<tr><td>{each.at - start:.1f}</td><td>{html.escape(each.source)}</td><td>{html.escape(each.kind)}</td>"
        f"<td><code>{html.escape(_summary_of(each))}</code></td></tr>"
        for each in events
    )
    return f"<h2>Events</h2><table><tr><th>at</th><th>source</th><th>event</th><th></th></tr>{rows}</table>"


def _summary_of(event: Event) -> str:
    """The few fields of an event that a reader follows the story by."""
    telling = (
        "rollout", "weight", "reason", "stepName", "currentStepStatus", "currentPipelineExecutionStatus", "key",
        "files",
        "ModelPackageVersion", "ModelApprovalStatus", "EndpointStatus", "EndpointConfigName", "TrainingJobStatus",
        "ProcessingJobStatus", "alarmName", "name", "status",
    )  # fmt: skip
    found = [f"{name}={event.detail[name]}" for name in telling if event.detail.get(name) not in (None, "")]
    if "state" in event.detail:
        found.append(f"state={event.detail['state']['value']}")
    return " ".join(found)[:300]
