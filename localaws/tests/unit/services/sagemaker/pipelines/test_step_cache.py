"""Step caching: what makes two runs the same, and how long one stands for the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.services.sagemaker.pipelines.step_cache import CachedRun, StepCache, cache_key, duration_seconds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACE = ("arn:pipeline", "Prep", "key")
TRAINING: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingImage": "xgboost", "TrainingInputMode": "File"},
    "HyperParameters": {"eta": "0.2"},
    "InputDataConfig": [{"ChannelName": "train"}],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "RoleArn": "arn:role",
    "OutputDataConfig": {"S3OutputPath": "s3://b/run-1"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}


@pytest.mark.parametrize("member", ["ResourceConfig", "RoleArn", "OutputDataConfig", "StoppingCondition"])
def test_where_and_under_whom_it_runs_does_not_count(member: str) -> None:
    assert cache_key("Training", {**TRAINING, member: "another"}) == cache_key("Training", TRAINING)


@pytest.mark.parametrize("member", ["AlgorithmSpecification", "HyperParameters", "InputDataConfig", "Environment"])
def test_what_it_computes_counts(member: str) -> None:
    assert cache_key("Training", {**TRAINING, member: "another"}) != cache_key("Training", TRAINING)


def test_the_order_of_members_does_not_count() -> None:
    assert cache_key("Training", dict(reversed(TRAINING.items()))) == cache_key("Training", TRAINING)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P30D", 2_592_000),
        ("30d", 2_592_000),
        ("PT1H", 3600),
        ("T16m", 960),
        ("30dT5h", 2_610_000),
        ("P1M", 2_592_000),
        ("P1W", 604_800),
        ("PT1H30M", 5400),
    ],
)
def test_durations_are_read_in_all_documented_forms(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "30", "1h", "soon", "PT90S"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration_seconds(text)


def run(finished_at: datetime) -> CachedRun:
    return CachedRun(finished_at, "arn:execution", {}, {})


def test_a_run_stands_in_until_it_is_too_old() -> None:
    cache = StepCache()
    cache.keep(PLACE, run(NOON))
    assert cache.find(PLACE, now=NOON + timedelta(seconds=60), max_age_seconds=60)
    assert cache.find(PLACE, now=NOON + timedelta(seconds=61), max_age_seconds=60) is None
    assert cache.find((PLACE[0], "Train", PLACE[2]), now=NOON) is None


def test_the_newest_run_wins() -> None:
    cache = StepCache()
    newest = run(NOON + timedelta(hours=1))
    cache.keep(PLACE, run(NOON))
    cache.keep(PLACE, newest)
    assert cache.find(PLACE, now=NOON + timedelta(hours=2)) is newest


def test_a_deleted_pipeline_leaves_no_runs() -> None:
    cache = StepCache()
    cache.keep(PLACE, run(NOON))
    cache.forget("arn:pipeline")
    assert cache.find(PLACE, now=NOON) is None
