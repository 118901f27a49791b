"""Names fit into AWS's limits for the longest model, stage and rollout, and can be told apart again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.names import MODEL_MAX, STAGE_MAX, Names, is_model, package_group_and_version, variant
from sluice.rollout.analysis.alarms import alarm_names
from sluice.rollout_id import RolloutId

SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # endpoints, configs, models, variants, groups
PIPELINE_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")
EXECUTION_NAME_MAX, ALARM_NAME_MAX = 80, 255
MOST_RESTORES = 99_999  # a sweep starts one at most, so that is a year of them
PURPOSES = ("model", "live", "canary", "current", "new")

WORD = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)
MODELS = (
    st.builds(lambda first, rest: "-".join([first, *rest]), st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True),
              st.lists(WORD | st.sampled_from(["restore", "errors", "1", "2"]), max_size=6))
    .filter(is_model)
)  # fmt: skip
STAGES = st.from_regex(rf"[a-z][a-z0-9]{{0,{STAGE_MAX - 1}}}", fullmatch=True)
IDS = st.builds(RolloutId, model=MODELS, version=st.integers(1, 9_999_999), attempt=st.integers(1, 999))
LONGEST = RolloutId(model="m" * MODEL_MAX, version=9_999_999, attempt=999)
LONGEST_NAMES = Names("s" * STAGE_MAX)


@given(stage=STAGES, rollout=IDS)
def test_every_name_is_one_that_sagemaker_takes(stage: str, rollout: RolloutId) -> None:
    _check(Names(stage), rollout)


def test_the_longest_names_fit() -> None:
    _check(LONGEST_NAMES, LONGEST)
    assert len(LONGEST_NAMES.rollout_resource(str(LONGEST), "canary")) > 55, "the limits are used"


def _check(names: Names, rollout: RolloutId) -> None:
    resources = [names.rollout_resource(str(rollout), purpose) for purpose in PURPOSES]
    endpoints = [names.endpoint(rollout.model), names.endpoint(rollout.model, "async123")]
    for name in [*resources, *endpoints, names.group(rollout.model), variant(rollout.version)]:
        assert SAGEMAKER_NAME.fullmatch(name), name
    assert PIPELINE_NAME.fullmatch(names.pipeline(rollout.model))
    assert all(len(name) <= ALARM_NAME_MAX for name in alarm_names(names, str(rollout)))
    assert len(f"{rollout}-restore-{MOST_RESTORES}") <= EXECUTION_NAME_MAX


@given(rollout=IDS, suffix=st.sampled_from(["", "-errors", "-latency", "-restore-1", "-restore-10"]))
def test_a_rollout_is_found_in_the_names_made_for_it(rollout: RolloutId, suffix: str) -> None:
    assert RolloutId.parse(str(rollout)) == rollout
    assert RolloutId.within(f"{rollout}{suffix}") == rollout


@pytest.mark.parametrize("text", ["", "fraud", "fraud-7", "7-1", "Fraud-7-1", "fraud-7-1-", "fraud-7-x", "fraud--1"])
def test_what_is_no_rollout(text: str) -> None:
    assert RolloutId.parse(text) is None
    assert RolloutId.within(text) is None
    with pytest.raises(ValueError, match="is not <model>-<version>-<attempt>"):
        RolloutId.required(text)


@given(stage=STAGES, other=STAGES, model=MODELS)
def test_a_stage_knows_its_own_models_only(stage: str, other: str, model: str) -> None:
    assert Names(stage).model_of(Names(stage).endpoint(model)) == model
    assert Names(stage).model_of(Names(other).endpoint(model)) == (model if stage == other else None)


@pytest.mark.parametrize("name", ["", "F", "fraud_1", "-a", "a-", "a--b", "1a", "a b", "ä", "m" * (MODEL_MAX + 1)])
def test_what_no_model_is_called(name: str) -> None:
    assert not is_model(name)
    assert Names("dev").model_of(f"sluice-dev-{name}") is None


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7", ("sluice-dev-fraud", 7)),
        ("arn:aws-cn:sagemaker:cn-north-1:123456789012:model-package/g/12", ("g", 12)),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/unversioned", None),
        ("sluice-dev-fraud/7", None),
    ],
)
def test_a_versioned_package_is_identified_by_its_arn(arn: str, found: tuple[str, int] | None) -> None:
    assert package_group_and_version(arn) == found


def test_the_parameters_of_two_stages_never_meet() -> None:
    stages, models = ("a", "dev", "models"), ("a", "stack", "models")
    made = [Names(stage).spec_parameter(model) for stage, model in product(stages, models)]
    made += [Names(stage).stack_parameter for stage in stages]
    assert len(set(made)) == len(made)


@given(stage=STAGES, model=MODELS, request_=st.text())
def test_a_batch_job_fits_and_tells_its_model_and_its_time(stage: str, model: str, request_: str) -> None:
    names, at = Names(stage), datetime(2026, 3, 4, 2, 0, 7, tzinfo=UTC)
    job = names.batch_job(model, at, request_)
    assert len(job) <= 63
    assert job.startswith(f"{names.prefix}{model}-20260304t020007-")
    assert (names.model_of_batch_job(job), names.batch_job(model, at, request_)) == (model, job)
    assert names.batch_job(model, at + timedelta(seconds=1), request_) > job


@pytest.mark.parametrize("name", ["sluice-dev-fraud-7-1-new", "sluice-prod-fraud-20260304t020007-0a1b2c", "churn"])
def test_what_is_no_batch_job_of_this_stage(name: str) -> None:
    assert Names("dev").model_of_batch_job(name) is None


@pytest.mark.parametrize(
    ("stage", "typed"), [("dev", "`sluice abort fraud`"), ("prod", "`sluice --stage prod abort fraud`")]
)
def test_a_command_is_named_as_it_has_to_be_typed_for_the_stage(stage: str, typed: str) -> None:
    assert Names(stage).command("abort fraud") == typed
