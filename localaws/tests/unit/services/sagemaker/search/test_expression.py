"""Search expressions on records: operators by property type, nested filters, combinations, refusals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.core.utils import get_service_model

from localaws.service_api import AwsError
from localaws.services.sagemaker.search.expression import Expression

JOB = {
    "TrainingJobName": "spend-7",
    "HyperParameters": {"eta": "0.2", "objective": "binary:logistic"},
    "BillableTimeInSeconds": 40,
    "CreationTime": datetime(2026, 3, 4, tzinfo=UTC),
    "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.93}],
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://lake/train"}}},
        {"ChannelName": "validation", "DataSource": {"S3DataSource": {"S3Uri": "s3://lake/validation"}}},
    ],
    "Tags": [{"Key": "team", "Value": "risk"}],
}
SHAPE = get_service_model("sagemaker").shape_for("TrainingJob")


def matches(**expression: Any) -> bool:
    return Expression(expression, SHAPE).matches(JOB)


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("TrainingJobName", None, "spend-7", True),
        ("TrainingJobName", "NotEquals", "spend-7", False),
        ("TrainingJobName", "Contains", "spend", True),
        ("TrainingJobName", "In", "spend-6, spend-7", True),
        ("FailureReason", "Exists", None, False),
        ("FailureReason", "NotExists", None, True),
        ("FailureReason", "Contains", "x", False),
        ("BillableTimeInSeconds", "GreaterThanOrEqualTo", "40", True),
        ("BillableTimeInSeconds", "LessThan", "40", False),
        ("HyperParameters.eta", "LessThan", "0.5", True),
        ("HyperParameters.objective", "Equals", "binary:logistic", True),
        ("Metrics.validation:auc", "GreaterThan", "0.9", True),
        ("Metrics.train:auc", "GreaterThan", "0.1", False),
        ("CreationTime", "GreaterThan", "2026-03-03T00:00:00", True),
        ("CreationTime", "GreaterThan", "2026-03-05T00:00:00", False),
        ("Tags.team", "Equals", "risk", True),
        ("Tags.owner", "Exists", None, False),
    ],
)
def test_a_filter_compares_by_the_type_of_its_property(
    name: str, operator: str | None, value: str | None, expected: bool
) -> None:
    given = {"Name": name, "Operator": operator, "Value": value}
    assert matches(Filters=[{key: item for key, item in given.items() if item is not None}]) is expected


def test_nested_filters_are_about_one_and_the_same_entry() -> None:
    def nested(channel: str, uri: str) -> bool:
        filters = [
            {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": channel},
            {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": uri},
        ]
        return matches(NestedFilters=[{"NestedPropertyName": "InputDataConfig", "Filters": filters}])

    assert nested("train", "lake/train")
    assert not nested("train", "lake/validation")


def test_conditions_are_joined_by_and_unless_or_is_asked_for() -> None:
    right, wrong = {"Name": "TrainingJobName", "Value": "spend-7"}, {"Name": "TrainingJobName", "Value": "other"}
    assert not matches(Filters=[right, wrong])
    assert matches(Filters=[right, wrong], Operator="Or")
    assert matches(SubExpressions=[{"Filters": [right, wrong], "Operator": "Or"}], Filters=[right])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "needs a Filter"),
        ({"Filters": [{"Name": "Nope", "Value": "x"}]}, "Nope is no property of TrainingJob"),
        ({"Filters": [{"Name": "TrainingJobName"}]}, "needs a Value"),
        ({"Filters": [{"Name": "TrainingJobName", "Operator": "LessThan", "Value": "x"}]}, "text property"),
        (
            {"Filters": [{"Name": "BillableTimeInSeconds", "Operator": "Contains", "Value": "4"}]},
            "text properties only",
        ),
        ({"Filters": [{"Name": "CreationTime", "Value": "yesterday"}]}, "no timestamp"),
        ({"Filters": [{"Name": "TrainingJobName", "Value": "x"}] * 51}, "at most 50"),
        ({"Filters": [{"Name": "InputDataConfig.ChannelName", "Value": "x"}]}, "need NestedFilters"),
        ({"NestedFilters": [{"NestedPropertyName": "RoleArn", "Filters": [{"Name": "x"}]}]}, "not a list of nested"),
    ],
)
def test_an_expression_that_is_wrong_is_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(AwsError, match=named):
        Expression(given, SHAPE)
