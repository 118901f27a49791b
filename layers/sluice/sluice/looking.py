"""One look at a stage: reads what there is to see and returns it as findings, decided by pure modules."""

from __future__ import annotations

from datetime import datetime

from sluice.alarms import alarm_finding, watched_alarms
from sluice.assembly import Ports
from sluice.findings import Finding
from sluice.judge import judge
from sluice.metrics import Counts
from sluice.rollout import RolloutRecord
from sluice.watch import rows, rules_of, windows


def look(_stage: int, record: RolloutRecord, now: datetime, ports: Ports) -> tuple[Finding, ...]:
    """Everything that is known of the stage at this look; ``watch.conclude`` says what follows.

    A further kind of evidence is one more finding here. Alarms come first: their reason is the one that is told.
    """
    return (_alarms(record, ports), _errors(record, now, ports))


def _alarms(record: RolloutRecord, ports: Ports) -> Finding:
    watched = watched_alarms(ports.names, str(record.id), record.planned())
    return alarm_finding(watched, ports.metrics.alarm_states(watched))


def _errors(record: RolloutRecord, now: datetime, ports: Ports) -> Finding:
    plan = record.planned()
    stretches = windows(record, now)
    start, period = stretches[0].start, plan.period_seconds

    def counts(variant: str) -> dict[datetime, Counts]:
        return ports.metrics.counts(plan.endpoint, variant, start=start, end=now, period_seconds=period)

    baseline = counts(plan.baseline.variant) if plan.baseline else {}
    verdict = judge(rows(stretches, counts(plan.candidate.variant), baseline, period), rules_of(plan))
    return verdict.finding("errors")
