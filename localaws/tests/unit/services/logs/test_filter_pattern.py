"""Filter patterns: the examples of AWS's documentation, and what is refused instead of read wrongly."""

from __future__ import annotations

import json

import pytest

from localaws.services.logs.filter_pattern import FilterPatternError, parse_filter_pattern

# The events of "Using filter patterns to match terms in unstructured log events".
UNAUTHORIZED, BAD, FAILED = (
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 400] BAD REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
)
SERVER = "[ERROR] INTERNAL SERVER ERROR"
LINES = (UNAUTHORIZED, BAD, FAILED, SERVER)


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", LINES),
        ('" "', LINES),
        ("ERROR", LINES),
        ("error", ()),
        ("ERROR REQUEST", (UNAUTHORIZED, BAD)),
        ("?REQUEST ?ARGUMENTS", (UNAUTHORIZED, BAD, FAILED)),
        ("ERROR -REQUEST", (FAILED, SERVER)),
        ("-REQUEST -ARGUMENTS", (SERVER,)),
        ('"INTERNAL SERVER ERROR"', (SERVER,)),
        ('"[ERROR 40"', (UNAUTHORIZED, BAD)),
        ('ERROR -"BAD REQUEST"', (UNAUTHORIZED, FAILED, SERVER)),
        ("ARGUMENT", ()),
    ],
)
def test_terms(pattern: str, matching: tuple[str, ...]) -> None:
    assert tuple(filter(parse_filter_pattern(pattern), LINES)) == matching


# The event of "Using filter patterns to match terms in JSON log events", with a few members more.
EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "level": "ERROR",
        "x": 4,
        "ratio": 1e-3,
        "ok": True,
        "no": False,
        "a.b": {"c d": "deep"},
        "text7": "7",
    }
)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        "{$.eventType=Update*}",
        "{ $.eventType = *Trail }",
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        '{ $.objectList[1].name = "b" }',
        "{ $.objectList[1].id = 2 }",
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ok IS TRUE }",
        "{ $.no IS FALSE }",
        '{ $.level = "ERROR" && $.x > 3 }',
        '{ $.level = "INFO" || $.x >= 4 }',
        '{ ($.level = "INFO" || $.x = 4) && $.ok IS TRUE }',
        '{ $.level = "ERROR" || $.x = 9 && $.x = 8 }',
        "{ $.ratio = 1.0e-3 }",
        "{ $.x != 5 }",
        "{ $.x < 4.5 && $.x <= 4 }",
        "{ $.level = * }",
        "{ $['a.b'][\"c d\"] = deep }",
        '{ $.text7 = "7" }',
    ],
)
def test_a_json_pattern_that_matches(pattern: str) -> None:
    assert parse_filter_pattern(pattern)(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "updatetrail" }',
        "{ $.eventType != UpdateTrail }",
        "{ $.missing != 5 }",
        "{ $.missing != text }",
        "{ $.missing IS NULL }",
        "{ $.arrayKey[2] = * }",
        "{ $.SomeObject NOT EXISTS }",
        "{ $.ok = 1 }",
        "{ $.text7 = 7 }",
        '{ $.x = "4" }',
        '{ $.level = "ERROR" && $.x > 4 }',
        '{ ($.level = "ERROR" || $.x = 9) && $.x = 8 }',
    ],
)
def test_a_json_pattern_that_does_not_match(pattern: str) -> None:
    assert not parse_filter_pattern(pattern)(EVENT)


@pytest.mark.parametrize("line", ["", "not json", "[ERROR] {}", "7", '"text"'])
def test_a_line_that_is_no_document_matches_no_json_pattern(line: str) -> None:
    assert not parse_filter_pattern("{ $.x NOT EXISTS }")(line)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("%ERR.*%", "regular expressions"),
        ("{ $.x = %ERR% }", "regular expressions"),
        ("[ip, user, ..., status=5*]", "space-delimited"),
        ("?ERROR REQUEST", "cannot be combined"),
        ("ERROR-401", "needs quotes"),
        ('"ERROR', "needs quotes"),
        ("{ $.x = 4", "ends with }"),
        ("{ $.x }", "ends where"),
        ("{ $.x = }", "ends where"),
        ("{ x = 4 }", "selector expected"),
        ("{ $.a[*].b = 4 }", "selector not supported"),
        ("{ $.level > ERROR }", "compares numbers only"),
        ("{ ($.x = 4 }", "not closed"),
        ("{ $.x = 4 } }", "not understood|unexpected"),
        ("{ $.x IS MAYBE }", "IS MAYBE is unknown"),
        ("{ $.x NOT }", "EXISTS expected"),
        ("{ $.x = 4 $.y = 5 }", "unexpected"),
    ],
)
def test_what_is_not_a_pattern_or_not_supported_is_refused_by_name(pattern: str, said: str) -> None:
    with pytest.raises(FilterPatternError, match=said):
        parse_filter_pattern(pattern)
