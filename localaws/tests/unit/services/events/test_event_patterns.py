"""Event patterns: what matches, and what EventBridge would not accept in a rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.services.events.matching import matches
from localaws.services.events.pattern import PatternError, parse_pattern

EVENT = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Model Package State Change",
    "resources": ["arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/7"],
    "detail": {
        "ModelPackageGroupName": "churn-eu",
        "ModelApprovalStatus": "Approved",
        "UpdatedModelPackageFields": ["ModelApprovalStatus", "ApprovalDescription"],
        "Version": 7,
        "Score": 0.5,
        "Final": True,
        "Reason": None,
        "Note": "",
        "Address": "10.1.2.3",
        "Steps": [{"name": "train", "ok": True}, {"name": "judge", "ok": False}],
        "Empty": [],
        "Path": "team-a/models/x.csv",
    },
}

MATCHING: list[dict[str, Any]] = [
    {"ModelApprovalStatus": ["Approved", "Rejected"]},
    {"Reason": [None]},
    {"Note": [""]},
    {"Version": [7]},
    {"Final": [True]},
    {"UpdatedModelPackageFields": ["ApprovalDescription"]},
    {"ModelPackageGroupName": [{"prefix": "churn-"}]},
    {"ModelPackageGroupName": [{"prefix": {"equals-ignore-case": "CHURN-"}}]},
    {"ModelPackageGroupName": [{"suffix": "-eu"}]},
    {"ModelPackageGroupName": [{"suffix": {"equals-ignore-case": "-EU"}}]},
    {"ModelPackageGroupName": [{"equals-ignore-case": "Churn-EU"}]},
    {"Path": [{"wildcard": "team-*/models/*.csv"}]},
    {"ModelPackageGroupName": [{"anything-but": "spend"}]},
    {"ModelPackageGroupName": [{"anything-but": ["spend", "spam"]}]},
    {"ModelPackageGroupName": [{"anything-but": {"prefix": "spend-"}}]},
    {"ModelPackageGroupName": [{"anything-but": {"wildcard": "spend-*"}}]},
    {"ModelPackageGroupName": [{"anything-but": {"equals-ignore-case": ["spend", "SPAM"]}}]},
    {"Version": [{"numeric": [">", 5, "<=", 7]}]},
    {"Score": [{"numeric": ["=", 0.5]}]},
    {"Version": [{"exists": True}]},
    {"Missing": [{"exists": False}]},
    {"Empty": [{"exists": False}]},
    {"Address": [{"cidr": "10.0.0.0/8"}]},
    {"Steps": {"name": ["judge"], "ok": [False]}},
    {"$or": [{"Version": [8]}, {"ModelApprovalStatus": ["Approved"]}]},
    {"$or": [{"UpdatedModelPackageFields": ["X"]}, {"UpdatedModelPackageFields": [{"exists": True}]}]},
]
NOT_MATCHING: list[dict[str, Any]] = [
    {"ModelApprovalStatus": ["approved"]},
    {"Final": [1]},
    {"Version": [True]},
    {"Version": ["7"]},
    {"Version": [7.0]},
    {"Version": [{"numeric": ["<", 7]}]},
    {"ModelApprovalStatus": [{"numeric": ["=", 7]}]},
    {"Final": [{"numeric": ["=", 1]}]},
    {"Note": [None]},
    {"Missing": [None]},
    {"Missing": [{"anything-but": "x"}]},
    {"Missing": [{"exists": True}]},
    {"Version": [{"exists": False}]},
    {"ModelPackageGroupName": [{"anything-but": {"prefix": "churn"}}]},
    {"ModelPackageGroupName": [{"prefix": "hurn"}]},
    {"Path": [{"wildcard": "team-*/models"}]},
    {"Path": [{"wildcard": "team-?/models/x.csv"}]},
    {"Address": [{"cidr": "192.168.0.0/16"}]},
    {"Note": [{"cidr": "10.0.0.0/8"}]},
    {"Steps": {"name": ["judge"], "ok": [True]}},
    {"ModelApprovalStatus": {"nested": ["x"]}},
    {"$or": [{"Version": [8]}, {"Version": [9]}]},
    {"Version": [7], "ModelApprovalStatus": ["Rejected"]},
]
REFUSED: list[Any] = [
    {},
    [],
    {"source": "aws.s3"},
    {"source": []},
    {"detail": {}},
    {"source": [{"starts-with": "x"}]},
    {"source": [{"prefix": "x", "suffix": "y"}]},
    {"source": [{"prefix": 1}]},
    {"source": [{"prefix": {"wildcard": "x"}}]},
    {"source": [{"wildcard": "a**b"}]},
    {"source": [{"exists": "true"}]},
    {"source": [{"numeric": [">"]}]},
    {"source": [{"numeric": [">", "5"]}]},
    {"source": [{"numeric": ["!=", 5]}]},
    {"source": [{"numeric": [">", 2**54]}]},
    {"source": [{"cidr": "10.0.0.0/33"}]},
    {"source": [{"anything-but": []}]},
    {"source": [{"anything-but": {"numeric": [">", 1]}}]},
    {"source": [["nested"]]},
    {"$or": [{"source": ["x"]}]},
]


@pytest.mark.parametrize("detail", MATCHING, ids=json.dumps)
def test_it_matches(detail: dict[str, Any]) -> None:
    pattern = parse_pattern(json.dumps({"source": ["aws.sagemaker"], "detail": detail}))
    assert matches(pattern, EVENT)


@pytest.mark.parametrize("detail", NOT_MATCHING, ids=json.dumps)
def test_it_does_not_match(detail: dict[str, Any]) -> None:
    pattern = parse_pattern(json.dumps({"source": ["aws.sagemaker"], "detail": detail}))
    assert not matches(pattern, EVENT)


@pytest.mark.parametrize("pattern", REFUSED, ids=json.dumps)
def test_it_is_refused_when_the_rule_is_written(pattern: object) -> None:
    with pytest.raises(PatternError):
        parse_pattern(json.dumps(pattern))


def test_a_pattern_that_is_not_json_is_refused() -> None:
    with pytest.raises(PatternError, match="Not valid JSON"):
        parse_pattern("{'source': ['x']}")


def test_a_pattern_beyond_the_limit_is_refused() -> None:
    with pytest.raises(PatternError, match="4096"):
        parse_pattern(json.dumps({"source": ["x" * 4096]}))


def test_a_wildcard_takes_an_escaped_star_literally() -> None:
    pattern = parse_pattern(json.dumps({"key": [{"wildcard": "a\\*b*"}]}))
    assert matches(pattern, {"key": "a*bc"})
    assert not matches(pattern, {"key": "axbc"})


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)


@given(value=scalars, wanted=st.lists(scalars, min_size=1, max_size=3))
def test_a_list_of_values_matches_what_json_calls_equal(value: object, wanted: list[object]) -> None:
    expected = json.dumps(value) in [json.dumps(one) for one in wanted]
    assert matches({"field": wanted}, {"field": value}) is expected


@given(value=scalars)
def test_exists_and_not_exists_divide_all_events(value: object) -> None:
    for event in ({"field": value}, {}):
        there, absent = ({"field": [{"exists": wanted}]} for wanted in (True, False))
        assert matches(there, event) is not matches(absent, event)
