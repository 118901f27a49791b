"""The rollout of a batch model: no endpoint, but a comparison on a sample before the next run uses the new version.

Only proven harm stops it: the new version cannot score the sample, or omits rows that the current one answers. How
the answers differ is published as an event, for a person to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sluice.names import variant
from sluice.rollout.batch.comparison import AnswerComparison, compare
from sluice.rollout.batch.current_version import current_promotion, sagemaker_model
from sluice.rollout.batch.sample import SIDES, ComparisonSample, NoSampleError, score_sample, stop_scoring, write_sample
from sluice.rollout.gates.holds import obstacle_to_replacement, seconds_until_recheck
from sluice.rollout.model.plan import BatchPlan, Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.origin_check import refuse_untrusted
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, task_result
from sluice.spec.model import ModelSpec
from sluice.spec.serving_modes import model_server_environment
from sluice.transform.jobs import TransformJob

if TYPE_CHECKING:
    from sluice.rollout.batch.ports import BatchRolloutPorts

MAX_SCORING_TIME = timedelta(hours=6)
"""A sample that takes longer proves nothing."""


def with_comparison(plan: Plan, spec: ModelSpec, record: RolloutRecord, ports: BatchRolloutPorts) -> Plan:
    """The plan of a batch model, which has no endpoint: with the version it is compared with, and on which input.

    An urgent rollout replaces a rejected version and is compared with nothing.
    """
    plan = replace(plan, endpoint="")
    settings = replace(spec.endpoint.batch, schedule=None)
    candidate = replace(plan.candidate, instance_count=settings.instance_count)
    current = current_promotion(record.id.model, ports)
    if current is None or current.id.version == record.id.version:
        return replace(plan, candidate=candidate, batch=BatchPlan(settings=settings))
    baseline = replace(candidate, variant=variant(current.id.version), config="", model=sagemaker_model(current))
    last_input = "" if record.urgent else _last_input(record.id.model, ports)
    batch = BatchPlan(settings=settings, input_digest=last_input)
    return replace(plan, candidate=candidate, baseline=baseline, batch=batch)


def provision_batch(record: RolloutRecord, ports: BatchRolloutPorts) -> TaskResult:
    """PROMOTE once the version has passed its comparison, or there is none; WAIT until then, ROLL_BACK on harm."""
    plan = record.planned()
    refuse_untrusted(record, ports)
    environment = model_server_environment(plan.response_seconds)
    ports.hosting.create_model(
        plan.candidate.model,
        record.package_arn,
        ports.model_role_arn,
        environment,
        network_isolation=plan.network_isolation,
    )
    if plan.baseline is None or plan.batch is None or not plan.batch.is_compared:
        return _accept(record, "there is nothing to compare it on", ports)
    sample = ComparisonSample.of(record.id, ports)
    try:
        write_sample(sample, plan.batch.input_digest, plan.batch.settings.sample_rows, ports)
        jobs = score_sample(sample, (plan.baseline, plan.candidate), plan.batch.settings, ports)
    except NoSampleError as error:
        return _accept(record, str(error), ports)
    if len(jobs) < len(sample.names) or not all(each.has_ended for each in jobs):
        return _wait(record, jobs, ports)
    return _decide(record, sample, jobs, ports)


def clean_up_batch(record: RolloutRecord, ports: BatchRolloutPorts) -> None:
    """Stop the jobs of a rollout that has ended; its SageMaker model is deleted with the rest."""
    stop_scoring(ComparisonSample.of(record.id, ports), ports)


def _last_input(model: str, ports: BatchRolloutPorts) -> str:
    return next((each.input_digest for each in ports.batches.runs(model) if each.input_digest), "")


def _wait(record: RolloutRecord, jobs: Sequence[TransformJob], ports: BatchRolloutPorts) -> TaskResult:
    now = ports.now()
    since = min((each.created_at for each in jobs), default=record.planned_at or now)
    if now - since > MAX_SCORING_TIME:
        is_unknown = len(jobs) < len(SIDES) or not jobs[SIDES.index("current")].has_ended  # no room, or slow for both
        return _reject(record, f"the sample was not scored within {MAX_SCORING_TIME}", ports, is_unknown=is_unknown)
    return task_result("WAIT", wait_seconds=poll_seconds(since, now))


def _decide(
    record: RolloutRecord, sample: ComparisonSample, jobs: Sequence[TransformJob], ports: BatchRolloutPorts
) -> TaskResult:
    current, new = jobs
    if new.status != "Completed":
        also = "" if current.status == "Completed" else f"; version in use as well: {current.reason or current.status}"
        what = f"could not score the sample: {new.reason or new.status}{also}"
        return _reject(record, what, ports, is_unknown=not new.has_failed_by_itself)
    if current.status != "Completed":
        why = current.reason or current.status
        return _accept(record, f"it scored the sample; the version in use could not: {why}", ports)
    current_answers, new_answers = (sample.answers_key(side, ports) for side in SIDES)
    found = compare(ports.files.lines(current_answers), ports.files.lines(new_answers))
    _publish_comparison(record, sample, found, ports)
    rows = ports.files.count_lines(sample.key)
    answered = ports.files.count_lines(new_answers)
    if rows is None or answered != rows:
        return _reject(record, f"wrote {answered or 0} answers to the {rows} rows of the sample", ports)
    if found.failures:
        return _reject(record, f"has no answer to {found.failures} of {found.rows} rows that are answered now", ports)
    share = found.within_tolerance / found.rows if found.rows else 0.0
    agreement = f"{share:.1%} of {found.rows} answers agree with version {_current_version(record)}"
    return _accept(record, agreement, ports, found)


def _publish_comparison(
    record: RolloutRecord, sample: ComparisonSample, found: AnswerComparison, ports: BatchRolloutPorts
) -> None:
    """Publish and log once: while a gate is closed the comparison is repeated."""
    if record.compared_at is not None:
        return
    ports.events.publish(
        "BatchVersionCompared",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        current_version=_current_version(record),
        sample=ports.bucket.uri(sample.key),
        difference=found.to_json(),
    )
    ports.telemetry.log(
        "batch versions compared",
        rows=found.rows,
        equal=found.equal,
        within_tolerance=found.within_tolerance,
        failures=found.failures,
    )
    ports.store.mark_time(record.id, "compared_at", ports.now())


def _current_version(record: RolloutRecord) -> int:
    baseline = record.planned().baseline
    return int(baseline.variant.removeprefix("v")) if baseline else 0


def _accept(
    record: RolloutRecord, text: str, ports: BatchRolloutPorts, found: AnswerComparison | None = None
) -> TaskResult:
    """Continue with the promotion, unless its gate is closed or it is outside of the rollout's windows."""
    plan = record.planned()
    ports.history.append(record.id, "provisioned", f"{plan.candidate.variant} stands by: {text}", ports.now())
    obstacle = obstacle_to_replacement(plan, record, ports, [found.to_json()] if found else [])
    if obstacle is not None:
        seconds = seconds_until_recheck(record, obstacle.until, ports.now())
        return task_result("WAIT", wait_seconds=seconds, reason=obstacle.reason)
    return task_result("PROMOTE")


def _reject(record: RolloutRecord, what: str, ports: BatchRolloutPorts, *, is_unknown: bool = False) -> TaskResult:
    """The fence holds the reason. The result does not: it is logged, and a job's reason may quote a row.

    ``is_unknown``: it is none of the version's own fault, as far as anybody can tell.
    """
    reason = f"version {record.id.version} {what}"
    ports.store.fence(record.id, "judge", reason, ports.now(), is_unknown=is_unknown)
    return task_result("ROLL_BACK")
