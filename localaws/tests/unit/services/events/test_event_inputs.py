"""What a target receives of an event, and what PutEvents accepts of a caller."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.services.events.envelope import EntryError, entry_bytes, entry_detail, envelope
from localaws.services.events.transform import target_input

RULE = "arn:aws:events:us-east-1:123456789012:rule/uploads"
EVENT = envelope(
    event_id="e-1",
    time=datetime(2026, 3, 4, 10, 11, 12, 999_000, tzinfo=UTC),
    account="123456789012",
    region="us-east-1",
    source="aws.s3",
    detail_type="Object Created",
    detail={"key": 'a "b".csv', "size": 3, "tags": ["x", "y"], "object": {"name": "n"}},
    resources=["arn:aws:s3:::b"],
)


def given_input(**target: Any) -> str:
    return target_input(target, EVENT, rule_arn=RULE, ingested_at="2026-03-04T10:11:13Z")


def transformed(template: str, **paths: str) -> str:
    return given_input(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})


def test_the_envelope_is_exact() -> None:
    assert EVENT == {
        "version": "0",
        "id": "e-1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-03-04T10:11:12Z",
        "region": "us-east-1",
        "resources": ["arn:aws:s3:::b"],
        "detail": {"key": 'a "b".csv', "size": 3, "tags": ["x", "y"], "object": {"name": "n"}},
    }


def test_without_settings_a_target_gets_the_whole_event() -> None:
    assert json.loads(given_input()) == EVENT


def test_a_constant_input_ignores_the_event() -> None:
    assert given_input(Input='{"sweep": true}') == '{"sweep": true}'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.detail", EVENT["detail"]),
        ("$.detail.tags[1]", "y"),
        ("$.detail['object'].name", "n"),
        ("$.detail-type", "Object Created"),
        ("$", EVENT),
        ("$.detail.missing", {}),
        ("$.detail.tags[9]", {}),
    ],
)
def test_an_input_path_selects_a_part(path: str, expected: object) -> None:
    assert json.loads(given_input(InputPath=path)) == expected


def test_outside_quotes_a_value_appears_as_json() -> None:
    text = transformed(
        '{"size": <s>, "name": <k>, "tags": <t>}', s="$.detail.size", k="$.detail.key", t="$.detail.tags"
    )
    assert json.loads(text) == {"size": 3, "name": 'a "b".csv', "tags": ["x", "y"]}


def test_inside_quotes_a_string_appears_bare() -> None:
    assert transformed('"from <s> of <a>"', s="$.source", a="$.account") == '"from aws.s3 of 123456789012"'


def test_values_are_not_escaped_inside_quotes() -> None:
    assert transformed('{"name": "<k>"}', k="$.detail.key") == '{"name": "a "b".csv"}'


def test_a_missing_path_leaves_nothing() -> None:
    assert transformed('{"x": <m>, "y": "<m>"}', m="$.detail.missing") == '{"x": , "y": ""}'


def test_names_that_were_not_given_stay() -> None:
    assert transformed("a <b> c") == "a <b> c"


def test_escaped_quotes_do_not_end_a_string() -> None:
    assert transformed(r'{"x": "say \"<s>\""}', s="$.source") == r'{"x": "say \"aws.s3\""}'


def test_predefined_variables() -> None:
    text = transformed(
        '{"rule": <aws.events.rule-name>, "arn": <aws.events.rule-arn>, "at": <aws.events.event.ingestion-time>}'
    )
    assert json.loads(text) == {"rule": "uploads", "arn": RULE, "at": "2026-03-04T10:11:13Z"}
    assert json.loads(transformed("<aws.events.event.json>")) == EVENT
    assert "detail" not in json.loads(transformed("<aws.events.event>"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": None}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
    ],
)
def test_a_bad_entry_is_refused_with_its_code(changes: dict[str, Any], code: str) -> None:
    entry = {"Source": "shop", "DetailType": "OrderPlaced", "Detail": "{}"} | changes
    with pytest.raises(EntryError) as refused:
        entry_detail(entry)
    assert refused.value.code == code


def test_an_entrys_size_counts_bytes_and_fourteen_for_a_time() -> None:
    entry = {"Source": "é", "DetailType": "t", "Detail": "{}", "Resources": ["ab"]}
    assert entry_bytes(entry) == 2 + 1 + 2 + 2
    assert entry_bytes({**entry, "Time": "now"}) == 14 + 7
