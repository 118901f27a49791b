"""Rules of composite alarms."""

from __future__ import annotations

import pytest

from localaws.services.cloudwatch.alarms.alarm import State
from localaws.services.cloudwatch.alarms.composite import RuleError, children, parse_rule

STATES = {"red": State.ALARM, "green": State.OK, "new": State.INSUFFICIENT_DATA}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ('ALARM("red")', True),
        ("ALARM(red)", True),
        ("ALARM(green)", False),
        ("OK(green) AND ALARM(red)", True),
        ("OK(green) AND ALARM(green)", False),
        ("ALARM(green) OR INSUFFICIENT_DATA(new)", True),
        ("NOT ALARM(green)", True),
        ("NOT ALARM(green) AND ALARM(green)", False),
        ("NOT (ALARM(green) AND ALARM(red))", True),
        ("ALARM(red) OR ALARM(green) AND ALARM(green)", True),
        ("(ALARM(red) OR ALARM(green)) AND ALARM(green)", False),
        ("TRUE AND NOT FALSE", True),
        ("ALARM(unknown) OR OK(unknown)", False),
    ],
)
def test_rule(rule: str, holds: bool) -> None:
    assert parse_rule(rule).holds(STATES.get) is holds


@pytest.mark.parametrize(
    "rule", ["", "ALARM()", "red", "ALARM(red) ALARM(green)", "(ALARM(red)", "AND", "NOT", "TRUE)", "ANDOK(red)"]
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(rule)


def test_the_children_are_all_alarms_mentioned() -> None:
    assert set(children(parse_rule("NOT (ALARM(a) OR OK(b)) AND ALARM(c) AND TRUE"))) == {"a", "b", "c"}
