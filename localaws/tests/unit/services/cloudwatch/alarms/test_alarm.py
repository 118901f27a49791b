"""The state of an alarm from its evaluation range: AWS's own two tables, and what lies between them."""

from __future__ import annotations

import pytest

from localaws.services.cloudwatch.alarms.alarm import DatapointRule, Missing, State, evaluate, samples_wanted

OK, ALARM, NO_DATA, KEEP = State.OK, State.ALARM, State.INSUFFICIENT_DATA, None
MODES = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)

THREE_OF_THREE = [
    ("0 - X - X", 0, (OK, OK, OK, OK)),
    ("0 - - - -", 2, (OK, OK, OK, OK)),
    ("- - - - -", 3, (NO_DATA, KEEP, ALARM, OK)),
    ("0 X X - X", 0, (ALARM, ALARM, ALARM, ALARM)),
    ("- - X - -", 2, (ALARM, KEEP, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0 - X - X", 0, (ALARM, ALARM, ALARM, ALARM)),
    ("0 0 X 0 X", 0, (ALARM, ALARM, ALARM, ALARM)),
    ("0 - X - -", 1, (OK, OK, ALARM, OK)),
    ("- - - - 0", 2, (OK, OK, ALARM, OK)),
    ("- - - X -", 2, (ALARM, KEEP, ALARM, OK)),
]
AWS_TABLES = [
    pytest.param(datapoints, drawn, filled, mode, state, id=f"{datapoints} of 3: {drawn} {mode}")
    for datapoints, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for drawn, filled, states in table
    for mode, state in zip(MODES, states, strict=True)
]


def rule(datapoints: int = 3, missing: Missing = Missing.MISSING, periods: int = 3) -> DatapointRule:
    return DatapointRule(
        threshold=5.0,
        comparison="GreaterThanThreshold",
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints,
        missing=missing,
    )


def points(drawn: str) -> list[float | None]:
    """``0`` is fine, ``X`` breaches, ``-`` is missing; oldest first."""
    return [{"0": 1.0, "X": 9.0, "-": None}[sign] for sign in drawn.split()]


@pytest.mark.parametrize(("datapoints", "drawn", "filled", "mode", "state"), AWS_TABLES)
def test_the_state_is_that_of_the_documentation(
    datapoints: int, drawn: str, filled: int, mode: Missing, state: State | None
) -> None:
    judgement = evaluate(rule(datapoints, mode), points(drawn))

    assert judgement.state is state
    assert judgement.filled == filled


@pytest.mark.parametrize(
    ("drawn", "state"),
    [
        pytest.param("- - - - X", KEEP, id="one breach after a gap is not enough yet"),
        pytest.param("- - - X -", KEEP, id="nor is it one period later"),
        pytest.param("- - X - -", ALARM, id="three periods later it is"),
        pytest.param("- X - - -", ALARM, id="and stays so while it is in range"),
        pytest.param("- - X 0 -", OK, id="unless something fine came after it"),
        pytest.param("- - X X X", ALARM, id="enough breaches need no waiting"),
    ],
)
def test_a_breach_after_a_gap_alarms_only_when_it_is_old_enough(drawn: str, state: State | None) -> None:
    assert evaluate(rule(3), points(drawn)).state is state


def test_breaches_enough_alarm_although_points_are_missing_whatever_the_treatment() -> None:
    for mode in MODES:
        assert evaluate(rule(2, mode), points("- - - X X")).state is ALARM


def test_the_points_used_are_the_newest_real_ones() -> None:
    assert evaluate(rule(2), points("X 0 - X 0")).used == (1, 3, 4)


def test_the_range_reaches_back_two_periods_beyond_those_evaluated() -> None:
    assert rule(3).range_length == 5


@pytest.mark.parametrize(
    ("comparison", "breaching", "fine"),
    [
        ("GreaterThanThreshold", 5.1, 5.0),
        ("GreaterThanOrEqualToThreshold", 5.0, 4.9),
        ("LessThanThreshold", 4.9, 5.0),
        ("LessThanOrEqualToThreshold", 5.0, 5.1),
    ],
)
def test_the_threshold_itself_belongs_to_the_or_equal_comparisons(
    comparison: str, breaching: float, fine: float
) -> None:
    single = DatapointRule(threshold=5.0, comparison=comparison, evaluation_periods=1, datapoints_to_alarm=1)

    assert single.breaches(breaching)
    assert not single.breaches(fine)


@pytest.mark.parametrize(("percentile", "wanted"), [(0.99, 1000), (0.95, 200), (0.5, 20), (0.1, 100)])
def test_a_percentile_wants_ten_samples_beyond_it(percentile: float, wanted: float) -> None:
    assert samples_wanted(percentile) == pytest.approx(wanted)
