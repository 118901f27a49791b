"""What scanners found beside what is accepted: neither a finding without a reason, nor a reason without a finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from security.findings import (
    PARSERS,
    Accepted,
    AcceptedError,
    Finding,
    of_bandit,
    of_cdk_nag,
    of_checkov,
    of_zizmor,
    problems,
    read_accepted,
)

SHELL = Finding("bandit", "B602", "cli/run.py:7", "a shell")


def accepted(rule: str, *places: str) -> Accepted:
    return Accepted("bandit", rule, places, "why")


def test_a_finding_without_a_reason_is_a_problem() -> None:
    assert problems([SHELL], []) == ["bandit: B602 at cli/run.py:7: a shell"]
    assert problems([SHELL], [accepted("B602", "cli/*")]) == []


@pytest.mark.parametrize(
    "other", [accepted("B603", "cli/*"), accepted("B602", "localaws/*"), Accepted("zizmor", "B602", ("cli/*",), "why")]
)
def test_a_reason_is_for_one_rule_of_one_scanner_at_one_place(other: Accepted) -> None:
    assert str(SHELL) in problems([SHELL], [other])


def test_a_reason_without_a_finding_is_a_problem_for_each_place() -> None:
    told = problems([SHELL], [accepted("B602", "cli/*", "functions/*")])
    assert told == ["bandit: B602 finds nothing at functions/* any more: take it off the list"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"unknown": {}}, "unknown: no such scanner; there are bandit, zizmor"),
        ({"bandit": {"B1": {"at": "x", "why": " "}}}, "bandit: B1: has to have `at` and `why`"),
        ({"bandit": {"B1": {"why": "x"}}}, "bandit: B1: has to have `at` and `why`"),
        ({"bandit": {"B1": "why"}}, "bandit: B1: has to have `at` and `why`"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(entry: Any, problem: str) -> None:
    with pytest.raises(AcceptedError, match=problem):
        read_accepted(entry, ("bandit", "zizmor"))


def test_places_are_one_pattern_or_several() -> None:
    document = {"bandit": {"B1": {"at": "x", "why": "y"}, "B2": {"at": ["x", "z"], "why": "y"}}, "zizmor": {}}
    assert [each.places for each in read_accepted(document, ("bandit", "zizmor"))] == [("x",), ("x", "z")]


def test_the_list_that_ships_is_well_formed() -> None:
    text = (Path(__file__).parents[3] / "security" / "accepted.yaml").read_text()
    assert len(read_accepted(yaml.safe_load(text), PARSERS)) > 10


def test_checkov_names_the_resource_of_a_failed_check() -> None:
    failed = {"check_id": "CKV_AWS_18", "resource": "AWS::S3::Bucket.DataBucket", "check_name": "access logging"}
    report = {"summary": {"parsing_errors": 0, "passed": 3}, "results": {"failed_checks": [failed]}}
    assert list(of_checkov(report)) == [Finding("checkov", "CKV_AWS_18", "DataBucket", "access logging")]
    for broken in ({"parsing_errors": 1, "passed": 3}, {"parsing_errors": 0, "passed": 0}):
        with pytest.raises(ValueError, match="checked nothing"):
            list(of_checkov({"summary": broken, "results": {"failed_checks": []}}))


def test_cdk_nag_names_the_resource_and_the_part_of_a_rule() -> None:
    violation = {
        "ruleName": "AwsSolutions-IAM5[Resource::*]",
        "description": "wildcards",
        "violatingConstructs": [{"constructPath": "sluice/template/SweepFunctionRole"}],
    }
    (found,) = of_cdk_nag({"pluginReports": [{"violations": [violation]}]})
    assert found == Finding("cdk-nag", "AwsSolutions-IAM5", "SweepFunctionRole", "wildcards Resource::*")


def test_bandit_names_file_and_line_and_has_read_every_file() -> None:
    result = {"test_id": "B602", "filename": "./cli/run.py", "line_number": 7, "issue_text": "a shell"}
    assert list(of_bandit({"errors": [], "results": [result]})) == [SHELL]
    with pytest.raises(ValueError, match="not read"):
        list(of_bandit({"errors": [{"filename": "x.py"}], "results": []}))


def test_zizmor_names_file_and_line_from_one() -> None:
    location = {
        "symbolic": {"key": {"Local": {"verbatim_path": ".github/workflows/ci.yml"}}},
        "concrete": {"location": {"start_point": {"row": 11}}},
    }
    found = {"ident": "unpinned-uses", "desc": "unpinned", "ignored": False, "locations": [location]}
    assert list(of_zizmor([found, {**found, "ignored": True}])) == [
        Finding("zizmor", "unpinned-uses", ".github/workflows/ci.yml:12", "unpinned")
    ]
