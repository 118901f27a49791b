"""The fake table and the real adapter on moto's DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table as MotoTable
from sluice.aws.dynamodb import ConditionFailedError, Index, Table

from localaws.moto.dynamodb_transactions import speed_up_transactions
from tests.builders.aws_clients import translating
from tests.fakes.table import FakeTable

KEY = {"pk": "MODEL#fraud", "sk": "ROLLOUT#0000001#001"}

INDEX = Index("by-model", "model", "since")

AnyTable = Table | FakeTable


def keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@pytest.fixture(params=["fake", "DynamoDB", "DynamoDB with quick transactions"])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnyTable]:
    if request.param == "fake":
        yield FakeTable()
        return
    if request.param.endswith("quick transactions"):
        # Set to what they are, so that both are put back afterwards.
        monkeypatch.setattr(DynamoDBBackend, "transact_write_items", DynamoDBBackend.transact_write_items)
        monkeypatch.setattr(MotoTable, "__deepcopy__", None, raising=False)
        monkeypatch.delattr(MotoTable, "__deepcopy__")
        speed_up_transactions()
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        names = ("pk", "sk", INDEX.key, INDEX.sort)
        client.create_table(
            TableName="sluice-dev",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=keys("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": INDEX.name,
                    "KeySchema": keys(INDEX.key, INDEX.sort),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        yield Table(translating(client), "sluice-dev")


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


def test_items_are_read_together(table: AnyTable) -> None:
    for number in range(120):
        table.put_new({"pk": f"fraud-{number}", "sk": "RESULT", "n": number})
    wanted = [{"pk": f"fraud-{number}", "sk": "RESULT"} for number in range(0, 240, 2)]
    found = table.get_all(wanted)
    assert sorted(int(item["n"]) for item in found) == list(range(0, 120, 2))
    assert list(table.get_all([])) == []


def test_an_item_is_replaced_as_a_whole_if_its_condition_holds(table: AnyTable) -> None:
    first = "attribute_not_exists(pk) OR revision = :seen"
    table.replace({**KEY, "revision": 1, "reason": "x"}, first, {":seen": 0})
    table.replace({**KEY, "revision": 2}, "revision = :seen", {":seen": 1})
    for stale in (0, 1):
        with pytest.raises(ConditionFailedError):
            table.replace({**KEY, "revision": 9}, first, {":seen": stale})
    found = table.get(KEY)
    assert found is not None
    assert (int(found["revision"]), "reason" in found) == (2, False)
    table.put_all([KEY])  # without a revision nothing replaces it
    with pytest.raises(ConditionFailedError):
        table.replace({**KEY, "revision": 1}, first, {":seen": 0})


def test_an_index_has_the_items_with_its_attributes_in_order(table: AnyTable) -> None:
    for name, since in (("b", "2026-02"), ("a", "2026-01"), ("c", "2026-03")):
        table.put_new({"pk": name, "sk": "RESULT", "model": "fraud", "since": since})
    table.put_new({"pk": "d", "sk": "RESULT", "model": "other", "since": "2026-01"})
    table.put_new({"pk": "e", "sk": "RESULT", "model": "fraud"})
    assert [item["pk"] for item in table.query_index(INDEX, "fraud")] == ["a", "b", "c"]
    assert [item["pk"] for item in table.query_index(INDEX, "fraud", newest_first=True)] == ["c", "b", "a"]
    assert [item["pk"] for item in table.query_index(INDEX, "fraud", until="2026-02")] == ["a", "b"]


def test_new_items_are_counted_once_and_all_together(table: AnyTable) -> None:
    counter = {"pk": "OUTCOMES#fraud-7-1#spent", "sk": "v7#0000000060#0"}
    notes: list[Mapping[str, str | int]] = [
        {"pk": f"OUTCOME#{number}", "sk": "SEEN", "expires": 99} for number in range(3)
    ]

    assert table.count_new(notes[:2], counter, {"count": 2, "total": 12.5, "beyond": 0}, 99) == frozenset()
    assert table.count_new(notes, counter, {"count": 3, "total": 20.0, "beyond": 3}, 99) == {0, 1}
    assert table.count_new(notes[2:], counter, {"count": 1, "total": -0.25, "beyond": 0}, 99) == frozenset()

    (found,) = table.query(counter["pk"], "v7#")
    assert [float(found[name]) for name in ("count", "total", "beyond", "expires")] == [3, 12.25, 0, 99]
    assert table.get({"pk": "OUTCOME#2", "sk": "SEEN"}) is not None


def test_a_change_with_a_deletion_and_another_change_happens_as_a_whole(table: AnyTable) -> None:
    gone, beside = {**KEY, "sk": "CURRENT#1"}, {**KEY, "sk": "CURRENT"}
    also = {**beside, "promoted": "x"}
    table.put_new({**KEY, "phase": "baking", "id": "fraud-1-1"})
    table.put_new({**gone, "id": "fraud-1-1"})
    table.put_new({**beside, "built_at": "then"})
    with pytest.raises(ConditionFailedError):
        table.set_and_delete(
            KEY,
            {"phase": "closed"},
            "phase = :queued",
            {":queued": "queued"},
            gone=gone,
            also=also,
        )
    assert [item["sk"] for item in table.query(KEY["pk"], "CURRENT")] == ["CURRENT", "CURRENT#1"]
    table.set_and_delete(KEY, {"phase": "closed"}, "phase = :baking", {":baking": "baking"}, gone=gone, also=also)
    assert table.get(KEY) == {**KEY, "phase": "closed", "id": "fraud-1-1"}
    assert list(table.query(KEY["pk"], "CURRENT")) == [{**beside, "built_at": "then", "promoted": "x"}]
    table.set_and_delete(KEY, {"phase": "again"}, "phase = :closed", {":closed": "closed"}, gone=gone)
    assert (table.get(KEY) or {})["phase"] == "again", "what is gone already is no obstacle"


def test_a_query_may_read_a_few_items_at_a_time(table: AnyTable) -> None:
    for number in range(5):
        table.put_new({**KEY, "sk": f"RUN#{number}"})
    found = table.query(KEY["pk"], "RUN#", newest_first=True, page_items=2)
    assert [item["sk"] for item in found] == [f"RUN#{number}" for number in (4, 3, 2, 1, 0)]
