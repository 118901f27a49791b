"""The fake table and the real adapter on moto's DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from sluice.table import ConditionFailedError, Table

from tests.fakes.table import FakeTable

KEY = {"pk": "MODEL#fraud", "sk": "ROLLOUT#0000001#001"}

AnyTable = Table | FakeTable


@pytest.fixture(params=["fake", "DynamoDB"])
def table(request: pytest.FixtureRequest) -> Iterator[AnyTable]:
    if request.param == "fake":
        yield FakeTable()
        return
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        keys = (("pk", "HASH"), ("sk", "RANGE"))
        client.create_table(
            TableName="sluice-dev",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        yield Table(client, "sluice-dev")


def test_an_item_is_put_once(table: AnyTable) -> None:
    assert table.put_new({**KEY, "phase": "queued"})
    assert not table.put_new({**KEY, "phase": "other"})
    assert table.get(KEY) == {**KEY, "phase": "queued"}
    assert table.get({**KEY, "sk": "none"}) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_not_exists(fence_kind) AND phase <> :closed", True),
        ("attribute_exists(fence_kind) AND phase <> :closed", False),
        ("attribute_exists(id) AND phase <> :closed", False),
        ("attribute_not_exists(holder) OR holder = :closed", True),
        ("phase = :closed", False),
        ("phase <= :closed", False),
        ("attribute_not_exists(phase) OR pk <= :closed", True),
        ("holder <= :closed", False),
    ],
)
def test_a_change_needs_its_condition(table: AnyTable, condition: str, holds: bool) -> None:
    table.put_new({**KEY, "phase": "queued"})
    changed = True
    try:
        table.set(KEY, {"phase": "baking", "stage": 1}, condition, {":closed": "closed"})
    except ConditionFailedError:
        changed = False
    found = table.get(KEY)
    assert changed is holds
    assert found is not None
    assert found["phase"] == ("baking" if holds else "queued")


def test_numbers_come_back_as_numbers_or_their_text(table: AnyTable) -> None:
    table.put_new({**KEY, "stage": 3})
    found = table.get(KEY)
    assert found is not None
    assert int(found["stage"]) == 3


def test_the_first_time_stays(table: AnyTable) -> None:
    table.set_once(KEY, "shifted_0", "10:00")
    table.set_once(KEY, "shifted_0", "11:00")
    assert table.get(KEY) == {**KEY, "shifted_0": "10:00"}


def test_a_set_holds_each_member_once(table: AnyTable) -> None:
    for member in ("b", "a", "b"):
        table.add_to_set(KEY, "asked", member)
    found = table.get(KEY)
    assert found is not None
    assert sorted(found["asked"]) == ["a", "b"]


def test_deleting_needs_its_condition(table: AnyTable) -> None:
    table.put_new({**KEY, "holder": "fraud-1-1"})
    with pytest.raises(ConditionFailedError):
        table.delete(KEY, "holder = :me", {":me": "fraud-2-1"})
    table.delete(KEY, "holder = :me", {":me": "fraud-1-1"})
    assert table.get(KEY) is None


def test_a_query_is_ordered_and_kept_to_its_prefix(table: AnyTable) -> None:
    for sort in ("ROLLOUT#0000002#001", "ROLLOUT#0000010#001", "ENTRY#x"):
        table.put_new({"pk": "MODEL#fraud", "sk": sort})
    table.put_new({"pk": "MODEL#other", "sk": "ROLLOUT#0000003#001"})
    newest = [item["sk"] for item in table.query("MODEL#fraud", "ROLLOUT#", newest_first=True)]
    assert newest == ["ROLLOUT#0000010#001", "ROLLOUT#0000002#001"]
    assert [item["sk"] for item in table.query("MODEL#fraud", "ROLLOUT#")] == newest[::-1]
