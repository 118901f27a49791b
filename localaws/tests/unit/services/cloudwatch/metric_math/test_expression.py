"""Metric math: the grammar, and CloudWatch's rules for points that are missing."""

from __future__ import annotations

import pytest

from localaws.services.cloudwatch.metric_math.expression import ExpressionScope, compute
from localaws.services.cloudwatch.metric_math.functions import Series
from localaws.services.cloudwatch.metric_math.syntax import ExpressionError

A: Series = {0: 10.0, 60: 20.0, 180: 40.0}
B: Series = {0: 2.0, 60: 0.0, 120: 4.0}
EMPTY: Series = {}
METRICS = {"a": A, "b": B, "empty": EMPTY}


def around() -> ExpressionScope:
    return ExpressionScope(
        value_of=lambda name: dict(METRICS[name]), metrics=METRICS, periods=range(0, 240, 60), period=60
    )


def value(expression: str) -> Series:
    (series,) = compute(expression, around())
    return series


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("a + b", {0: 12, 60: 20, 120: 4, 180: 40}, id="a missing point counts as 0"),
        pytest.param("a / b", {0: 5, 120: 0}, id="a division by 0 leaves no point"),
        pytest.param("b / a", {0: 0.2, 60: 0, 180: 0}, id="nor does one by a missing point"),
        pytest.param("100 * b / a", {0: 20, 60: 0, 180: 0}, id="from left to right"),
        pytest.param("a - b * 2 - 1", {0: 5, 60: 19, 120: -9, 180: 39}, id="* binds before -"),
        pytest.param("(a - b) * -2", {0: -16, 60: -40, 120: 8, 180: -80}, id="brackets and a sign"),
        pytest.param("a / empty", {}, id="nothing divided by nothing"),
        pytest.param("a > 10", {0: 0, 60: 1, 180: 1}, id="comparison"),
        pytest.param("a >= 10 AND a != 20", {0: 1, 60: 0, 180: 1}, id="AND after comparison"),
        pytest.param("b == 0 || a > 30 && a < 1", {0: 0, 60: 1, 120: 0, 180: 0}, id="|| after &&"),
        pytest.param("IF(a > 15, a)", {60: 20, 180: 40}, id="a branch left out drops the point"),
        pytest.param("IF(a > 15, a, 0)", {0: 0, 60: 20, 180: 40}, id="a constant branch"),
        pytest.param("IF(b, a, 7)", {0: 10, 60: 7, 120: 0}, id="no condition no point, no point counts as 0"),
        pytest.param("IF(b >= 2, 100*a/b, 0)", {0: 500, 60: 0, 120: 0}, id="an error rate from a minimum on"),
        pytest.param("IF(1, a, b)", A, id="a constant condition"),
        pytest.param("FILL(b, 0)", {0: 2, 60: 0, 120: 4, 180: 0}, id="fill with a number"),
        pytest.param("FILL(empty, 3)", {0: 3, 60: 3, 120: 3, 180: 3}, id="fill what has no point at all"),
        pytest.param("FILL(a, REPEAT)", {0: 10, 60: 20, 120: 20, 180: 40}, id="fill with the last"),
        pytest.param("FILL(DIFF(a), REPEAT)", {60: 10, 120: 10, 180: 20}, id="nothing to repeat at first"),
        pytest.param("FILL(a, LINEAR)", {0: 10, 60: 20, 120: 30, 180: 40}, id="fill in between"),
        pytest.param("FILL(a, b)", {0: 10, 60: 20, 120: 4, 180: 40}, id="fill from another"),
        pytest.param("RATE(a)", {60: 10 / 60, 180: 20 / 120}, id="rate per second over a gap"),
        pytest.param("DIFF(a)", {60: 10, 180: 20}, id="difference"),
        pytest.param("RUNNING_SUM(a)", {0: 10, 60: 30, 180: 70}, id="running sum"),
        pytest.param("SUM(METRICS())", {0: 12, 60: 20, 120: 4, 180: 40}, id="sum of all metrics"),
        pytest.param('MAX(METRICS("a"))', A, id="metrics whose id contains a text"),
        pytest.param("AVG([a, b])", {0: 6, 60: 10, 120: 4, 180: 40}, id="average of what is there"),
        pytest.param("a - MIN(a)", {0: 0, 60: 10, 180: 30}, id="the minimum over time is a number"),
        pytest.param("SUM(METRICS() / 2)", {0: 6, 60: 10, 120: 2, 180: 20}, id="arithmetic on all metrics"),
        pytest.param("a / PERIOD(a)", {0: 1 / 6, 60: 1 / 3, 180: 2 / 3}, id="per second"),
        pytest.param("a * 1e1 + .5", {0: 100.5, 60: 200.5, 180: 400.5}, id="ways to write numbers"),
    ],
)
def test_value(expression: str, expected: dict[int, float]) -> None:
    assert value(expression) == pytest.approx(expected)


def test_an_array_yields_one_series_per_metric() -> None:
    assert compute("FILL(METRICS(), 0)", around()) == [
        {0: 10, 60: 20, 120: 0, 180: 40},
        {0: 2, 60: 0, 120: 4, 180: 0},
        {0: 0, 60: 0, 120: 0, 180: 0},
    ]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("a +", "expected a value"),
        ("a b", "expected 'end'"),
        ("(a", "expected '\\)'"),
        ("a $ b", "unexpected character"),
        ("__import__(1)", "unknown function"),
        ("a.real", "unexpected character"),
        ("NOPE(a)", "unknown function NOPE"),
        ("RATE(a, b)", "RATE takes 1 to 1"),
        ("IF(a)", "IF takes 2 to 3"),
        ("SUM(a)", "not a scalar"),
        ("5", "not a scalar"),
        ("FILL(a, 'x')", "FILL takes"),
        ("METRICS(a)", "METRICS takes"),
        ("METRICS() + METRICS()", "two arrays"),
        ("[a, 5]", "time series only"),
        ("a + 'x'", "text"),
        ("", "expected a value"),
    ],
)
def test_what_is_wrong_is_said(expression: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=complaint):
        compute(expression, around())
