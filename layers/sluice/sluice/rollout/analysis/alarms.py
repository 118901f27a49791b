"""The alarms of one rollout: ours on the candidate, the user's own beside them, and one composite over all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.aws.metric_data import LATENCY, MODEL_ERRORS, STATUS_ERRORS, dimensions, stat
from sluice.names import Names
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.model.plan import Plan


def alarm_names(names: Names, rollout_id: str) -> tuple[str, ...]:
    """Everything one rollout may have made in CloudWatch: errors, latency, the composite, and the stop alarm."""
    return names.rollout_resources(rollout_id, "errors", "latency", "alarms", "stop")


_MINUTE = 60


def failure_metrics(plan: Plan) -> tuple[str, ...]:
    """The metrics that count the failed requests of this kind of endpoint; SageMaker publishes no others of them."""
    return MODEL_ERRORS if plan.is_real_time else STATUS_ERRORS


def alarm_seconds(plan: Plan, *, is_deploying: bool) -> int:
    """The period of the rollout's alarms: never shorter than SageMaker publishes what they watch.

    An alarm with a shorter one has no data and stays quiet. More often than once a minute metrics come from real-time
    endpoints only, and not while a deployment is under way: "Enhanced metrics do not appear until the deployment
    completes" (SageMaker developer guide).
    """
    return plan.period_seconds if plan.is_real_time and not is_deploying else max(plan.period_seconds, _MINUTE)


def looks_back_seconds(plan: Plan) -> int:
    """How far back an alarm of the watch looks: its periods, and the one that has begun."""
    return (plan.alarms.evaluation_periods + 1) * alarm_seconds(plan, is_deploying=False)


def alarms_for(names: Names, rollout_id: str, plan: Plan, config: str = "") -> list[dict[str, Any]]:
    """PutMetricAlarm requests that watch the candidate's variant only; with ``config``, its new fleet only.

    Both ask for a minimum of requests per period, so that one slow or failed request of three is no alarm; without
    traffic there are no points, and that is not breaching: the judge, not the alarm, asks for proof of health.

    Where two metrics count the failures, one may lack data because only zeros were sent to it. It counts as 0, and
    requests are what the most complete of them counted. Requests are not filled up: a period that is still to come
    would look like one without any.
    """
    rules = plan.alarms
    period = alarm_seconds(plan, is_deploying=bool(config))
    errors, latency, *_ = alarm_names(names, rollout_id)
    candidate = dimensions(plan.endpoint, plan.candidate.variant, config)

    def term(metric_id: str, metric: str, statistic: str) -> dict[str, Any]:
        return {
            "Id": metric_id,
            "MetricStat": stat(metric, candidate, period, statistic),
            "ReturnData": False,
        }

    def alarm(name: str, what: str, expression: str, threshold: float, *terms: dict[str, Any]) -> dict[str, Any]:
        return {
            "AlarmName": name,
            "AlarmDescription": f"Rollout {rollout_id}: {what} of {plan.candidate.variant}",
            "Metrics": [{"Id": "breach", "Expression": expression, "ReturnData": True}, *terms],
            "EvaluationPeriods": rules.evaluation_periods,
            "DatapointsToAlarm": rules.datapoints_to_alarm,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }

    counted, failed_requests, requests = _counting(failure_metrics(plan))
    terms = [term(*each) for each in counted]
    made = [
        alarm(
            errors,
            "share of failed requests in percent",
            f"IF({requests} >= {rules.min_requests}, 100 * {failed_requests} / {requests}, 0)",
            rules.error_rate_percent,
            *terms,
        )
    ]
    if rules.latency_p95_ms is not None:
        made.append(
            alarm(
                latency,
                "95th percentile of the model's latency in microseconds",
                f"IF(requests >= {rules.min_requests}, latency, 0)",
                rules.latency_p95_ms * 1000,
                term("latency", LATENCY, "p95"),
                term("requests", LATENCY, "SampleCount"),
            )
        )
    return made


def _counting(failures: tuple[str, ...]) -> tuple[list[tuple[str, str, str]], str, str]:
    """What counts requests: terms of id, metric and statistic, and expressions of the failed ones and of all."""
    failed = [(f"errors{index or ''}", metric, "Sum") for index, metric in enumerate(failures)]
    counted = [(f"requests{index or ''}", metric, "SampleCount") for index, metric in enumerate(failures)]
    if len(failures) == 1:
        return [*failed, *counted], "errors", "requests"
    counted.append(("answered", LATENCY, "SampleCount"))
    filled = ", ".join(f"FILL({name}, 0)" for name, *_ in failed)
    names = ", ".join(name for name, *_ in counted)
    return [*failed, *counted], f"SUM([{filled}])", f"MAX([{names}])"


def composite_for(names: Names, rollout_id: str, plan: Plan) -> dict[str, Any]:
    """A PutCompositeAlarm request: rings when any alarm of the rollout does.

    Its name is that of the rollout, so a user's alarm that rings causes the same immediate rollback as ours.
    """
    *single, composite = watched_alarms(names, rollout_id, plan)
    rule = " OR ".join(f'ALARM("{name}")' for name in single)
    return {
        "AlarmName": composite,
        "AlarmDescription": f"Rollout {rollout_id}: any alarm that watches it",
        "AlarmRule": rule,
    }


def watched_alarms(names: Names, rollout_id: str, plan: Plan) -> list[str]:
    """All alarms that must exist and be quiet while the rollout goes on; the one over all comes last."""
    errors, latency, composite, _ = alarm_names(names, rollout_id)
    ours = [errors] if plan.alarms.latency_p95_ms is None else [errors, latency]
    return [*ours, *plan.alarms.also, composite]


KNOWN_STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")


def alarm_finding(watched: list[str], states: Mapping[str, str]) -> Finding:
    """A ringing alarm rolls back; one that is missing or cannot be evaluated holds; all others prove nothing.

    ``watched`` as ``watched_alarms`` gives it: the composite, the last, is named only if it rings alone.
    """
    seen = {name: states.get(name) for name in watched}
    numbers = {"states": seen}
    ringing = [name for name, state in seen.items() if state == "ALARM"]
    if ringing:
        single = [name for name in ringing if name != watched[-1]]
        reason = f"{', '.join(single or ringing)} rang"
        return Finding(name="alarm", answer=Answer.ROLL_BACK, reason=reason, by="alarm", numbers=numbers)
    missing = [name for name, state in seen.items() if state is None]
    if missing:
        reason = f"{', '.join(missing)} is missing"
        return Finding(name="alarm", answer=Answer.HOLD, reason=reason, by="alarm", is_unknown=True, numbers=numbers)
    unknown = [f"{name} ({state})" for name, state in seen.items() if state not in KNOWN_STATES]
    if unknown:
        reason = f"CloudWatch cannot evaluate {', '.join(unknown)}"
        return Finding(name="alarm", answer=Answer.HOLD, reason=reason, by="alarm", is_unknown=True, numbers=numbers)
    return Finding(name="alarm", answer=Answer.ABSTAIN, reason="quiet", by="alarm", numbers=numbers)


def stop_alarm_name(names: Names, rollout_id: str) -> str:
    return names.rollout_resource(rollout_id, "stop")


def stop_alarm(names: Names, rollout_id: str) -> dict[str, Any]:
    """The PutMetricAlarm request; repeated, it keeps the alarm's state."""
    return {
        "AlarmName": stop_alarm_name(names, rollout_id),
        "AlarmDescription": f"Rollout {rollout_id}: set by Sluice to have SageMaker take the deployment back",
        "Namespace": "Sluice",
        "MetricName": "DeploymentStopped",
        "Dimensions": [{"Name": "Rollout", "Value": rollout_id}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    }
