"""Shows the status of models as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from sluice.rollout.model.record import RolloutRecord

from cli.inference.batch_view import HEAD as BATCH_HEAD
from cli.inference.batch_view import BatchStatus, batch_rows
from cli.inference.batch_view import as_json as batch_as_json
from cli.rollouts.endpoint_view import VARIANT_HEAD, ServingNow, endpoint_as_json, endpoint_title, traffic, variant_rows
from cli.rollouts.evidence_view import HEAD, evidence_rows, newest_analysis
from cli.rollouts.status_sections import ScreenSection, fit, folded_history, section
from cli.session import CliSession
from cli.training import executions, packages
from cli.training.data import QuarantinedFiles
from cli.training.listings import clock, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Everything that is known of one model right now."""

    model: str
    endpoint: ServingNow
    rollouts: list[RolloutRecord]
    history: list[dict[str, Any]]
    """The history of the rollout under way, or of the newest one."""
    versions: list[packages.Version]
    runs: list[executions.Execution]
    steps: list[executions.ExecutionStep]
    """The steps of the newest run."""
    batch: BatchStatus | None = None
    """The runs of a batch model, which has no endpoint."""
    served: Mapping[int, str] = field(default_factory=dict)
    """The versions that the endpoint serves, each with its approval."""
    quarantine: QuarantinedFiles = field(default_factory=QuarantinedFiles)
    notes: tuple[str, ...] = ()
    """Sentences about alarms of the spec that cannot ring, and about what a removed stack has left."""


def show_all(session: CliSession, found: list[ModelStatus]) -> None:
    """A line per model."""
    rows = [
        (
            one.model,
            "batch" if one.batch else one.endpoint.state.status if one.endpoint.state else "none",
            f"v{one.batch.version}, {one.batch.last}" if one.batch else _traffic(one),
            f"{one.rollouts[0].id} {progress(one.rollouts[0])}" if one.rollouts else "",
            f"{one.versions[0].number} {one.versions[0].approval}" if one.versions else "",
            one.runs[0].status if one.runs else "",
        )
        for one in found
    ]
    head = ("model", "endpoint", "traffic", "last rollout", "newest version", "last run")
    session.out.table(f"Models in stage {session.names.stage}", head, rows)


def _traffic(found: ModelStatus) -> str:
    """The share of each variant, with what serves although it is Rejected."""
    rejected = [f"v{number} is Rejected" for number, approval in found.served.items() if approval == "Rejected"]
    return ", ".join((traffic(found.endpoint.state), *rejected))


def show_one(session: CliSession, found: ModelStatus, *, is_watched: bool) -> None:
    """Everything about one model, as far as a terminal has lines for it; what is cut is said."""
    lines = list(_headline(session, found))
    lines += [f"Note: {each}" for each in (*remarks(session, found), *found.notes)]
    if found.batch:
        lines.append(f"No endpoint: version {found.batch.version} scores files, {found.batch.last}")
    elif not found.endpoint.state:
        lines.append(endpoint_title(found.endpoint))
    if not found.versions and not found.runs:
        lines.append(f"No runs and no versions yet: {session.command(f'train {found.model} --data FILE')} starts one")
    sections, left = _sections(session, found), ""
    screen = session.out.screen
    if screen:
        columns, rows = screen
        taken = sum(max(ceil(len(line) / columns), 1) for line in lines)
        sections, left = fit(sections, rows - 1 - taken - (not is_watched))  # 1: the cursor, and the prompt below it
    for line in lines:
        session.out.text(line)
    for each in sections:
        session.out.table(each.shown_title, each.head, each.rows, brief=True)
    if left:
        session.out.text(left)


def _headline(session: CliSession, found: ModelStatus) -> Iterator[str]:
    """Where the rollouts under way stand, or how the last one ended, and what they wait for."""
    if not found.rollouts:
        yield f"{found.model} has had no rollout yet"
        return
    current = current_of(found.rollouts)
    for each in _headlined(found.rollouts):
        yield f"{each.id}  {progress(each)}"
        analysis = newest_analysis(found.history) if each is current and not each.is_closed else None
        if reason := why(each, found.rollouts, session):
            yield f"  {reason}"
        elif analysis:
            yield f"  {str(analysis['text']).partition(';')[0]}"


def current_of(rollouts: Sequence[RolloutRecord]) -> RolloutRecord:
    """The rollout under way, or the one opened last; ``rollouts``: the last one opened first."""
    return next((one for one in rollouts if not one.is_closed and one.phase != "queued"), rollouts[0])


def _headlined(rollouts: Sequence[RolloutRecord]) -> list[RolloutRecord]:
    """Those that are not closed, the one under way first; the last one if all are."""
    current = current_of(rollouts)
    return [current, *(one for one in rollouts if not one.is_closed and one is not current)]


def remarks(session: CliSession, found: ModelStatus) -> Iterator[str]:
    """What is wrong, in sentences: versions that serve although they are Rejected."""
    leaving = next((one for one in found.rollouts if not one.is_closed and (one.urgent or one.fence)), None)
    under_way = [one for one in found.rollouts if not one.is_closed]
    for number, approval in found.served.items():
        if approval == "Rejected":
            name = f"{found.model}/{number}"
            approve = session.command(f"approve {found.model}/VERSION")
            if leaving:
                yield f"{name} is Rejected and serves until {leaving.id} has ended"
            elif coming := next((one for one in under_way if one.id.version != number), None):
                yield f"{name} serves although it is Rejected, until {coming.id} takes its place"
            else:
                yield f"{name} serves although it is Rejected, and nothing is about to take its place: {approve}"


def _sections(session: CliSession, found: ModelStatus) -> list[ScreenSection]:
    """What there is to show, the most important first."""
    command, made = session.command, []
    if found.batch:
        rows = batch_rows(found.batch.runs)
        made.append(section("Batch runs", rows, head=BATCH_HEAD, more=command(f"batch list {found.model}")))
    elif found.endpoint.state:
        rows = variant_rows(found.endpoint)
        made.append(section(endpoint_title(found.endpoint), rows, head=VARIANT_HEAD, least=len(rows)))
    analysis = newest_analysis(found.history)
    if analysis and not current_of(found.rollouts).is_closed:
        title = f"Evidence at the look of {clock(datetime.fromisoformat(analysis['at']))}"
        more = command(f"history {found.model}")
        made.append(section(title, evidence_rows(analysis), head=HEAD, more=more, least=4))
    if found.history:
        title, rows = f"History of {current_of(found.rollouts).id}", folded_history(found.history, clock)
        made.append(section(title, rows, more=command(f"history {found.model}"), least=3))
    made += _lists(session, found)
    return [each for each in made if each.rows]


def _lists(session: CliSession, found: ModelStatus) -> Iterator[ScreenSection]:
    model, command = found.model, session.command
    kept = [(str(one["file"]), moment(one["since"]), str(one.get("reason", ""))) for one in found.quarantine.files]
    listed = command(f"data quarantine {model}")
    yield section("Files in quarantine", kept, more=listed, total=found.quarantine.count)
    versions = [
        (one.name, one.approval, packages.shown_metrics(one), moment(one.created), one.description)
        for one in found.versions
    ]
    yield section("Versions", versions, more=command(f"versions {model}"))
    runs = [(one.id, one.status, moment(one.started), one.reason) for one in found.runs]
    yield section("Runs", runs, more=command(f"runs {model}"))
    headlined = _headlined(found.rollouts) if found.rollouts else []
    rollouts = [
        (str(one.id), progress(one), moment(one.opened_at), why(one, found.rollouts, session))
        for one in found.rollouts
        if one not in headlined
    ]
    yield section("Earlier rollouts", rollouts, more=command(f"history {model}/VERSION"))
    if found.runs:
        steps = [(one.name, one.status, one.took, one.reason) for one in found.steps]
        yield section(f"Steps of {found.runs[0].id}", steps, more=command(f"runs show {model}"))


def progress(record: RolloutRecord) -> str:
    """Where a rollout is, e.g. ``baking, stage 1 of 2 at 10%``."""
    if record.is_closed:
        return record.outcome or "closed"
    stages = record.plan.stages if record.plan else ()
    doing = _doing(record)
    if record.phase == "baking" and 0 <= record.stage < len(stages):
        return f"{doing}, stage {record.stage + 1} of {len(stages)} at {stages[record.stage].weight}%"
    return doing


def _doing(record: RolloutRecord) -> str:
    """Its phase, or what a person or a gate has made of it."""
    if not record.may_advance or (record.phase not in ("queued", "baking") and record.held_by is None):
        return record.phase
    if record.command is not None and record.command.kind == "pause":
        return "paused"
    return "waiting" if record.held_by else record.phase


def why(record: RolloutRecord, others: Iterable[RolloutRecord], session: CliSession) -> str:
    """Why it ended, or what it waits for and what to type; empty while it goes on by itself."""
    if record.reason:
        return record.reason
    if record.fence:
        return f"{record.fence.kind}: {record.fence.reason}"
    if _doing(record) == "paused" and record.command:
        return f"paused {record.command.attribution}; {session.command(f'resume {record.id.model}')} lets it go on"
    if record.held_by:
        return record.held_by.reason
    if record.phase == "queued":
        running = next((one for one in others if not one.is_closed and one.phase != "queued"), None)
        return f"waits for {running.id} to end ({progress(running)})" if running else "begins when the endpoint is free"
    return ""


def as_json(found: ModelStatus, session: CliSession) -> dict[str, object]:
    """The same for programs; ``endpoint`` is null when there is none."""
    return {
        "model": found.model,
        "endpoint": endpoint_as_json(found.endpoint),
        "batch": {"version": found.batch.version, "runs": [batch_as_json(one) for one in found.batch.runs]}
        if found.batch
        else None,
        "rollouts": [_rollout_as_json(one, found, session) for one in found.rollouts],
        "history": found.history,
        "remarks": [*remarks(session, found), *found.notes],
        "quarantine": {"count": found.quarantine.count, "files": list(found.quarantine.files)},
        "versions": [packages.as_json(one) for one in found.versions],
        "runs": [executions.as_json(one, found.steps if index == 0 else None) for index, one in enumerate(found.runs)],
    }


def _rollout_as_json(record: RolloutRecord, found: ModelStatus, session: CliSession) -> dict[str, object]:
    return {
        "id": str(record.id),
        "phase": record.phase,
        "outcome": record.outcome,
        "state": progress(record),
        "opened_at": record.opened_at.isoformat(),
        "closed_at": record.closed_at.isoformat() if record.closed_at else None,
        "reason": why(record, found.rollouts, session),
        "waits_for": record.held_by.by if record.held_by and record.may_advance else None,
    }
