"""A spec is read completely, or refused with everything that is wrong with it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.errors import Problem, SpecError
from sluice.spec.model import ModelSpec

from tests.builders.spec_examples import MISSING, spec_with


def problems(raw: Any) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        ModelSpec.parse(raw)
    return caught.value.problems


def test_what_is_left_out_gets_its_default() -> None:
    spec = ModelSpec.parse(spec_with(("rollout", MISSING)))
    assert spec.data.max_missing_share == 0.2
    assert spec.inference.out_of_range == "accept"
    assert (spec.endpoint.type, spec.endpoint.instance_count, spec.endpoint.metrics_period_seconds) == (
        "real-time",
        1,
        60,
    )
    assert [(stage.weight, stage.bake_seconds) for stage in spec.rollout.stages] == [(10, 600), (50, 600)]
    assert (spec.rollout.max_hold_seconds, spec.rollout.on_doubt) == (3600, "roll_back")
    assert spec.rollout.judge.safe_margin_percent == pytest.approx(0.1)
    assert spec.rollout.alarms.latency_p95_ms is None


@pytest.mark.parametrize(
    ("written", "seconds"), [("60s", 60), ("2m", 120), ("2h", 7200), ("14d", 14 * 86400), ("90s", 90)]
)
def test_time_spans_carry_their_unit(written: str, seconds: int) -> None:
    spec = ModelSpec.parse(spec_with(("rollout.stages.0.bake", written)))
    assert spec.rollout.stages[0].bake_seconds == seconds


@pytest.mark.parametrize(
    ("written", "kept"), [(6.0, "6.0"), (50, "50"), (True, "true"), (False, "false"), ("ml.m5.large", "ml.m5.large")]
)
def test_parameters_become_text(written: object, kept: str) -> None:
    spec = ModelSpec.parse(spec_with(("pipeline.parameters", {"X": written})))
    assert spec.pipeline.parameters == {"X": kept}


WRONG = [
    # field, what stands there, part of what is allowed, part of the message
    ("name", "Fraud", "lower-case", "wrong form"),
    ("name", "a" * 25, "1 to 24 characters", "25 characters"),
    ("name", "fraud_model", "inner hyphens", "wrong form"),
    ("name", 7, "characters", "put it in quotes"),
    ("name", MISSING, "", "is missing"),
    ("description", "two\nlines", "on one line", "wrong form"),
    ("data", None, "target, target_values, columns", "not a mapping"),
    ("data.target", MISSING, "text on one line", "is missing"),
    ("data.target", "age", "not in data.columns", "also listed as a feature"),
    ("data.columns", [], "1 to 1000", "0 items"),
    ("data.columns", {"age": "number"}, "a list", "is a mapping"),
    ("data.columns.0.type", "numbr", "number | integer | category", "did you mean 'number'"),
    ("data.columns.1.name", "age", "once", "there twice"),
    ("data.columns.0.categories", ["a"], "type: category", "no categories"),
    ("data.columns.1.categories.1", "a", "once", "there twice"),
    ("data.columns.1.categories.0", True, "text", "put it in quotes"),
    ("data.max_missing_share", 1.5, "from 0 to 1", "out of range"),
    ("data.max_missing_share", True, "a number", "true/false"),
    ("data.max_missing_share", float("nan"), "from 0 to 1", "out of range"),
    ("pipeline.definition", "../etc", "letters", "wrong form"),
    ("pipeline.parameters.InputData", "s3://x", "any other parameter", "filled by Sluice"),
    ("pipeline.parameters.Mse_Threshold", 1, "underscores", "no parameter name"),
    ("pipeline.parameters.X", float("inf"), "finite", "no parameter can hold"),
    ("pipeline.parameters.X", "x" * 1025, "1024", "no parameter can hold"),
    ("pipeline.parameters.X", [1], "text", "a list"),
    ("inference.out_of_range", "maybe", "accept | reject", "unknown"),
    ("endpoint.type", "realtime", "real-time", "did you mean 'real-time'"),
    ("endpoint.instance_type", "m5.large", "ml.m5.large", "wrong form"),
    ("endpoint.instance_count", 0, "from 1", "out of range"),
    ("endpoint.instance_count", 1.0, "whole", "not a whole number"),
    ("endpoint.instance_count", True, "whole", "not a whole number"),
    ("endpoint.metrics_period_seconds", 30, "60 | 10", "unknown"),
    ("endpoint.instance_cuont", 1, "instance_count", "did you mean 'instance_count'"),
    ("rollout.strategy", "canery", "canary", "did you mean 'canary'"),
    ("rollout.stages", [], "1 to 20", "0 items"),
    ("rollout.stages.0.weight", 0, "1 to 99", "out of range"),
    ("rollout.stages.1.weight", 100, "1 to 99", "out of range"),
    ("rollout.stages.1.weight", 10, "11 to 99", "does not rise above 10"),
    ("rollout.stages.0.bake", 600, "a unit", "has no unit"),
    ("rollout.stages.0.bake", "600", "a unit", "not a time span"),
    ("rollout.stages.0.bake", "1.5h", "whole number", "not a time span"),
    ("rollout.stages.0.bake", "15d", "10s to 14d", "out of range"),
    ("rollout.stages.0.bake", "30s", "60s or longer", "before its first metrics"),
    ("rollout.max_hold", "-5m", "a unit", "not a time span"),
    ("rollout.on_doubt", "promote", "roll_back | pause", "unknown"),
    ("rollout.on_new_version", "ignore", "supersede | queue | reject", "unknown"),
    ("rollout.judge.alpha", 0.5, "below 0.5", "out of range"),
    ("rollout.judge.beta", 0, "above 0", "out of range"),
    ("rollout.judge.harm_ratio", 0.9, "from 1", "out of range"),
    ("rollout.judge.safe_ratio", 1.1, "more than 1.1", "that 1.1 calls harmful"),
    ("rollout.alarms.error_rate_percent", "5", "a number", "text"),
    ("rollout.alarms.latency_p95_ms", 0, "above 0", "out of range"),
    ("rollout.alarms.datapoints_to_alarm", 4, "1 to 3", "never be too high"),
    ("rollout.alarms.evaluation_periods", 1441, "1 to 1440", "one day"),
    ("rollout.stages", [{"weight": 9, "bake": "14d"}, {"weight": 50, "bake": "1d"}], "1296000s", "for 360 hours"),
]


@pytest.mark.parametrize(
    ("field", "value", "allowed", "message"), [pytest.param(*each, id=f"{each[0]}-{each[3]}") for each in WRONG]
)
def test_a_wrong_field_is_named_with_its_value_and_what_is_allowed(
    field: str, value: object, allowed: str, message: str
) -> None:
    found = problems(spec_with((field, value)))
    assert len(found) == 1, found
    assert found[0].path.replace("[", ".").replace("]", "") == field
    assert allowed in found[0].allowed
    assert message in found[0].message
    if value is MISSING:
        assert found[0].value is None


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    raw = spec_with(
        ("name", MISSING),
        ("nam", "fraud"),
        ("data.columns.1.name", "age"),
        ("data.columns.0.type", "numbr"),
        ("endpoint.instance_count", 0),
        ("rollout.stages.0.bake", 600),
        ("rollout.stages.1.weight", 5),
        ("rollout.on_doubt", "shrug"),
    )
    assert {one.path for one in problems(raw)} == {
        "name",
        "nam",
        "data.columns[1].name",
        "data.columns[0].type",
        "endpoint.instance_count",
        "rollout.stages[0].bake",
        "rollout.stages[1].weight",
        "rollout.on_doubt",
    }


@pytest.mark.parametrize("raw", [None, [], "fraud", 3, {}, {1: 2}])
def test_what_is_no_spec_at_all_is_refused_not_crashed_on(raw: object) -> None:
    assert problems(raw)


def test_ten_second_metrics_allow_short_stages_and_long_alarms() -> None:
    spec = spec_with(
        ("endpoint.metrics_period_seconds", 10),
        ("rollout.stages.0.bake", "10s"),
        ("rollout.alarms.evaluation_periods", 8640),
    )
    assert ModelSpec.parse(spec).rollout.stages[0].bake_seconds == 10


def test_a_spec_too_long_for_ssm_is_refused() -> None:
    columns = [{"name": f"column-{number:04d}", "type": "number"} for number in range(300)]
    (found,) = problems(spec_with(("data.columns", columns)))
    assert "8192 bytes" in found.allowed


def test_text_that_ssm_would_take_for_a_reference_is_refused() -> None:
    (found,) = problems(spec_with(("description", "{{ssm:x}}")))
    assert "{{" in found.message


def names() -> st.SearchStrategy[str]:
    return st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True)


@st.composite
def raw_specs(draw: st.DrawFn) -> dict[str, Any]:
    columns = draw(st.lists(names(), min_size=2, max_size=6, unique=True))
    weights = sorted(draw(st.sets(st.integers(1, 99), min_size=1, max_size=5)))
    finite = st.floats(1.5, 99, allow_nan=False)
    return {
        "name": draw(names()),
        "description": draw(st.text(st.characters(exclude_characters="{", min_codepoint=32, max_codepoint=126))),
        "data": {
            "target": columns[0],
            "columns": [
                {"name": name, "type": "category", "categories": draw(st.lists(names(), unique=True, max_size=3))}
                for name in columns[1:]
            ],
            "max_missing_share": draw(st.floats(0, 1)),
        },
        "pipeline": {"definition": "tabular", "parameters": {"Eta": draw(finite), "Note": draw(names())}},
        "endpoint": {"instance_type": "ml.c7i.2xlarge", "instance_count": draw(st.integers(1, 50))},
        "rollout": {
            "stages": [{"weight": weight, "bake": f"{draw(st.integers(60, 9000))}s"} for weight in weights],
            "max_hold": f"{draw(st.integers(0, 60))}h",  # five stages must end before their metrics are gone
            "judge": {"safe_ratio": draw(finite), "safe_margin_percent": draw(st.floats(0, 100))},
            "alarms": {"latency_p95_ms": draw(st.none() | finite)},
        },
    }


@given(raw_specs())
def test_a_stored_spec_reads_back_as_itself(raw: dict[str, Any]) -> None:
    spec = ModelSpec.parse(raw)
    assert ModelSpec.parse(json.loads(spec.stored())) == spec
    assert ModelSpec.parse(spec.to_json()) == spec


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=10,
    ),
    st.sampled_from([each[0] for each in WRONG]),
)
def test_any_value_in_any_field_is_read_or_refused(value: object, field: str) -> None:
    with suppress(SpecError):
        spec = ModelSpec.parse(spec_with((field, value)))
        assert ModelSpec.parse(spec.to_json()) == spec
