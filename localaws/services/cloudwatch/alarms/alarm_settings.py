"""Checks what PutMetricAlarm and PutCompositeAlarm are given and turns it into alarms."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError
from localaws.services.cloudwatch.alarms.alarm import COMPARISONS, DatapointRule, Missing
from localaws.services.cloudwatch.alarms.alarms import AlarmState, CompositeAlarm, MetricAlarm
from localaws.services.cloudwatch.alarms.composite import RuleError, children, parse_rule
from localaws.services.cloudwatch.alarms.wording import event_metric
from localaws.services.cloudwatch.metrics.distribution import percentile_of
from localaws.services.cloudwatch.metrics.query import (
    MetricStat,
    Query,
    check_statistic,
    dimensions_of,
    parse_queries,
    validation_error,
)
from localaws.services.cloudwatch.metrics.store import Metric

NAME_MAX, DESCRIPTION_MAX, ACTIONS_MAX = 255, 1024, 5
METRICS_MAX, RULE_MAX, CHILDREN_MAX = 10, 10_240, 100
DAY = 86_400
_SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
_NOT_HERE = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
    "ActionsSuppressor",
)


def metric_alarm(given: Mapping[str, Any], *, arn: str, standing: AlarmState, now: float) -> MetricAlarm:
    """A metric alarm from PutMetricAlarm's parameters. AwsError ValidationError for what AWS would refuse."""
    settings = _checked(given)
    queries, watched, shown_id = _queries(settings)
    stats = [query.stat for query in queries if query.stat]
    (period,) = {stat.period for stat in stats} or {60}
    rule = _rule(settings, period)
    watched_stat = next(query.stat for query in queries if query.id == watched)
    statistic = watched_stat.statistic if watched_stat else None
    guarded = settings.get("EvaluateLowSampleCountPercentile") == "ignore" and statistic
    return MetricAlarm(
        name=settings["AlarmName"],
        arn=arn,
        settings=settings,
        configured_at=now,
        standing=standing,
        actions_enabled=settings["ActionsEnabled"],
        rule=rule,
        queries=queries,
        watched=watched,
        period=period,
        statistic=statistic,
        event_metrics=[event_metric(query, shown_id or query.id) for query in queries],
        percentile_guard=percentile_of(statistic) if guarded and statistic else None,
    )


def composite_alarm(given: Mapping[str, Any], *, arn: str, standing: AlarmState, now: float) -> CompositeAlarm:
    """A composite alarm from PutCompositeAlarm's parameters. AwsError ValidationError if the rule is wrong."""
    settings = _checked(given)
    rule = settings.get("AlarmRule") or ""
    if not 1 <= len(rule) <= RULE_MAX:
        raise validation_error(f"AlarmRule must have 1 to {RULE_MAX} characters")
    try:
        condition = parse_rule(rule)
    except RuleError as error:
        raise validation_error(f"AlarmRule contains an error: {error}") from error
    if len(set(children(condition))) > CHILDREN_MAX:
        raise validation_error(f"AlarmRule must not refer to more than {CHILDREN_MAX} alarms")
    return CompositeAlarm(
        name=settings["AlarmName"],
        arn=arn,
        settings=settings,
        configured_at=now,
        standing=standing,
        actions_enabled=settings["ActionsEnabled"],
        condition=condition,
    )


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """What both kinds have; without tags, without what was left out, with defaults."""
    settings = {key: value for key, value in given.items() if value is not None and key != "Tags"}
    for key in _NOT_HERE:
        if key in settings:
            raise AwsError("NotImplemented", f"{key} is not supported by the local AWS", 501)
    if not 1 <= len(settings.get("AlarmName", "")) <= NAME_MAX:
        raise validation_error(f"AlarmName must have 1 to {NAME_MAX} characters")
    if len(settings.get("AlarmDescription", "")) > DESCRIPTION_MAX:
        raise validation_error(f"AlarmDescription must have at most {DESCRIPTION_MAX} characters")
    for key in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        settings.setdefault(key, [])
        if len(settings[key]) > ACTIONS_MAX:
            raise validation_error(f"{key} must have at most {ACTIONS_MAX} entries")
    settings.setdefault("ActionsEnabled", True)
    return settings


def _queries(settings: Mapping[str, Any]) -> tuple[tuple[Query, ...], str, str | None]:
    """The queries, the id of the one watched, and the id by which events show a single metric."""
    if not settings.get("Metrics"):
        # Events show the only metric of a simple alarm under a random id.
        return (Query(id="m1", stat=_single_stat(settings)),), "m1", str(uuid.uuid4())
    if any(key in settings for key in _SINGLE):
        raise validation_error(f"Metrics must not be combined with any of {', '.join(_SINGLE)}")
    queries = parse_queries(settings["Metrics"])
    stats = [query.stat for query in queries if query.stat]
    if len(stats) > METRICS_MAX:
        raise validation_error(f"Metrics list must contain no more than {METRICS_MAX} metrics")
    if not stats:
        raise validation_error("Metrics list must contain at least one metric")
    if len({stat.period for stat in stats}) > 1:
        raise validation_error("Period must be the same for all metrics of an alarm")
    returned = [query.id for query in queries if query.return_data]
    if len(returned) != 1:
        raise validation_error("Exactly one element of the metrics list should return data.")
    return queries, returned[0], None


def _single_stat(settings: Mapping[str, Any]) -> MetricStat:
    for key in ("MetricName", "Namespace", "Period"):
        if not settings.get(key):
            raise validation_error(f"{key} is required for an alarm on a single metric")
    statistic, extended = settings.get("Statistic"), settings.get("ExtendedStatistic")
    if bool(statistic) == bool(extended):
        raise validation_error("Exactly one of Statistic and ExtendedStatistic is required")
    check_statistic(statistic or str(extended))
    metric = Metric.of(settings["Namespace"], settings["MetricName"], dimensions_of(settings.get("Dimensions")))
    return MetricStat(metric, statistic or str(extended), settings["Period"], settings.get("Unit"))


def _rule(settings: Mapping[str, Any], period: int) -> DatapointRule:
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        raise validation_error(f"Period must be 10, 20, 30 or a multiple of 60, got {period}")
    periods = settings.get("EvaluationPeriods") or 0
    datapoints = settings.get("DatapointsToAlarm", periods)
    if not 1 <= datapoints <= periods:
        raise validation_error("EvaluationPeriods is required and DatapointsToAlarm must be 1 to as many")
    if periods * period > (7 * DAY if period >= 3600 else DAY):
        raise validation_error(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or "
            "a week from periods of an hour on"
        )
    if settings.get("ComparisonOperator") not in COMPARISONS or "Threshold" not in settings:
        raise validation_error(f"Threshold and a ComparisonOperator of {', '.join(COMPARISONS)} are required")
    missing = settings.get("TreatMissingData", "missing")
    if missing not in list(Missing):
        raise validation_error(f"TreatMissingData must be one of {', '.join(Missing)}")
    if settings.get("EvaluateLowSampleCountPercentile", "evaluate") not in ("evaluate", "ignore"):
        raise validation_error("EvaluateLowSampleCountPercentile must be evaluate or ignore")
    return DatapointRule(
        threshold=float(settings["Threshold"]),
        comparison=settings["ComparisonOperator"],
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints,
        missing=Missing(missing),
    )
