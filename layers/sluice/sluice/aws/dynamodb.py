"""The DynamoDB table: flat items of strings, numbers and string sets, keyed by ``pk`` and ``sk``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.aws.paging import ITEMS, pages
from sluice.errors import AwsRefusedError, ThrottledError

ItemKey = Mapping[str, str]

BATCH_ITEMS = 25
"""The most items that one BatchWriteItem call takes."""

READ_ITEMS = 100
"""The most items that one BatchGetItem call returns."""

BATCH_TRIES = 8
_KEYS = ("pk", "sk")


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index with its partition and sort key."""

    name: str
    key: str
    sort: str


class ConditionFailedError(Exception):
    """The condition of a write did not hold; nothing was written."""


class Table:
    """Consistent reads and conditional writes on one table."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, key: ItemKey) -> dict[str, Any] | None:
        found = self._call("get_item", Key=_dump(key), ConsistentRead=True).get("Item")
        return _load(found) if found else None

    def put_new(self, item: Mapping[str, str | int], also: Mapping[str, str | int] | None = None) -> bool:
        """False, and nothing written, if there is an item with this key; ``also`` is written with it or not at all."""
        if also is not None:
            beside = {"Put": {"TableName": self.name, "Item": _dump(also)}}
            return not self._write_together([{"Put": self._new(item)}, beside])
        try:
            self._call("put_item", Item=_dump(item), ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailedError:
            return False
        return True

    def put_all(self, items: Iterable[Mapping[str, str | int]]) -> None:
        """Write items, whatever is there; a failure leaves some of them written."""
        self._write_batches([{"PutRequest": {"Item": _dump(item)}} for item in items])

    def delete_all(self, keys: Iterable[ItemKey]) -> None:
        """Delete items, there or not; a failure leaves some of them deleted."""
        self._write_batches([{"DeleteRequest": {"Key": _dump(key)}} for key in keys])

    def get_all(self, keys: Iterable[ItemKey]) -> list[dict[str, Any]]:
        """The items that are there, in no order; consistent reads, up to 100 in one call."""
        wanted = [_dump(key) for key in keys]
        found: list[dict[str, Any]] = []
        for start in range(0, len(wanted), READ_ITEMS):
            found += self._read_batch(wanted[start : start + READ_ITEMS])
        return found

    def replace(self, item: Mapping[str, str | int], condition: str, values: Mapping[str, str | int]) -> None:
        """Write a whole item if ``condition`` holds of the present one; ConditionFailedError otherwise."""
        request: dict[str, Any] = {"Item": _dump(item), "ConditionExpression": condition}
        if values:
            request["ExpressionAttributeValues"] = _dump(values)
        self._call("put_item", **request)

    def set(self, key: ItemKey, changes: Mapping[str, str | int], condition: str, values: Mapping[str, str]) -> None:
        """Set attributes if ``condition`` holds, which may use ``values``; ConditionFailedError otherwise."""
        self._call("update_item", ConditionExpression=condition, **_setting(key, changes, values))

    def set_and_delete(
        self,
        key: ItemKey,
        changes: Mapping[str, str | int],
        condition: str,
        values: Mapping[str, str],
        *,
        gone: ItemKey,
        also: Mapping[str, str | int] | None = None,
    ) -> None:
        """``set``, and with it, or not at all, ``gone`` deleted and the attributes of an item ``also`` set.

        Raises:
            ConditionFailedError: the condition does not hold.
            RetryableError: one of the items is being written concurrently.
        """
        update = {"TableName": self.name, "ConditionExpression": condition, **_setting(key, changes, values)}
        writes: list[dict[str, Any]] = [{"Update": update}, {"Delete": {"TableName": self.name, "Key": _dump(gone)}}]
        if also is not None:
            beside = {name: str(also[name]) for name in _KEYS}
            changed = {name: value for name, value in also.items() if name not in _KEYS}
            writes.append({"Update": {"TableName": self.name, **_setting(beside, changed, {})}})
        if self._write_together(writes):
            raise ConditionFailedError

    def set_once(self, key: ItemKey, name: str, value: str) -> None:
        """Set an attribute that keeps its first value."""
        self._call(
            "update_item",
            Key=_dump(key),
            UpdateExpression="SET #name = if_not_exists(#name, :value)",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues=_dump({":value": value}),
        )

    def add_to_set(self, key: ItemKey, name: str, member: str) -> None:
        self._call(
            "update_item",
            Key=_dump(key),
            UpdateExpression="ADD #name :members",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":members": {"SS": [member]}},
        )

    def delete(self, key: ItemKey, condition: str, values: Mapping[str, str]) -> None:
        self._call(
            "delete_item",
            Key=_dump(key),
            ConditionExpression=condition,
            ExpressionAttributeValues=_dump(values),
        )

    def query(
        self, pk: str, prefix: str, *, newest_first: bool = False, page_items: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Items of one ``pk`` whose ``sk`` begins with ``prefix``, in the order of ``sk``, page by page.

        A page is read, and paid for, as a whole: ``page_items`` is for a caller that needs only the first items.
        """
        found = pages(
            self._client.query,
            ITEMS,
            **({} if page_items is None else {"Limit": page_items}),
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=_dump({":pk": pk, ":prefix": prefix}),
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )
        return (_load(item) for page in found for item in page.get("Items", []))

    def query_index(
        self, index: Index, value: str, *, until: str | None = None, newest_first: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Items with one ``value`` of an index by its sort key, page by page; ``until`` is the last sort key wanted.

        An index follows the table within a moment: what was just written may not be there yet.
        """
        names = {"#key": index.key, "#sort": index.sort}
        condition, values = "#key = :key", {":key": value}
        if until is None:
            del names["#sort"]
        else:
            condition, values = condition + " AND #sort <= :until", values | {":until": until}
        found = pages(
            self._client.query,
            ITEMS,
            TableName=self.name,
            IndexName=index.name,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_dump(values),
            ScanIndexForward=not newest_first,
        )
        return (_load(item) for page in found for item in page.get("Items", []))

    def _read_batch(self, keys: list[dict[str, dict[str, str]]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        left: Mapping[str, Any] = {self.name: {"Keys": keys, "ConsistentRead": True}}
        for _ in range(BATCH_TRIES):
            answer = self._client.batch_get_item(RequestItems=left)
            found += (_load(item) for item in answer.get("Responses", {}).get(self.name, []))
            left = answer.get("UnprocessedKeys", {})
            if not left:
                return found
        raise ThrottledError(f"table {self.name} takes no more reads at this pace")

    def count_new(
        self, notes: Sequence[Mapping[str, str | int]], counter: ItemKey, amounts: Mapping[str, float], expires: int
    ) -> frozenset[int]:
        """Put up to 99 new items and add amounts to a counter; if some exist do nothing and return their indexes.

        Amounts are kept to nine decimals: DynamoDB refuses sums of more than 38 digits.
        """
        puts = [{"Put": self._new(note)} for note in notes]
        added = ", ".join(f"#{name} :{name}" for name in amounts)
        update = {
            "TableName": self.name,
            "Key": _dump(counter),
            "UpdateExpression": f"SET #expires = :expires ADD {added}",
            "ExpressionAttributeNames": {f"#{name}": name for name in ("expires", *amounts)},
            "ExpressionAttributeValues": {
                ":expires": {"N": str(expires)},
                **{f":{name}": {"N": _decimal(amount)} for name, amount in amounts.items()},
            },
        }
        refused = self._write_together([*puts, {"Update": update}])
        return frozenset(range(len(notes))) & refused

    def _new(self, item: Mapping[str, str | int]) -> dict[str, Any]:
        return {"TableName": self.name, "Item": _dump(item), "ConditionExpression": "attribute_not_exists(pk)"}

    def _write_together(self, writes: Sequence[Mapping[str, Any]]) -> frozenset[int]:
        """All of them, or none if the conditions of some do not hold, whose indexes are returned.

        Raises:
            RetryableError: one of the items is being written concurrently, or the table takes no more for now.
        """
        try:
            self._client.transact_write_items(TransactItems=writes)
        except AwsRefusedError as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if "ConditionalCheckFailed" in reasons:
                return frozenset(index for index, reason in enumerate(reasons) if reason == "ConditionalCheckFailed")
            raise
        return frozenset()

    def _write_batches(self, requests: list[dict[str, Any]]) -> None:
        for start in range(0, len(requests), BATCH_ITEMS):
            left = {self.name: requests[start : start + BATCH_ITEMS]}
            for _ in range(BATCH_TRIES):
                left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems", {})
                if not left:
                    break
            else:
                raise ThrottledError(f"table {self.name} takes no more writes at this pace")

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(TableName=self.name, **request)
        except AwsRefusedError as error:
            if error.code == "ConditionalCheckFailedException":
                raise ConditionFailedError from error
            raise


def _setting(key: ItemKey, changes: Mapping[str, str | int], values: Mapping[str, str]) -> dict[str, Any]:
    """An update that sets attributes, without its condition, which may use ``values``."""
    return {
        "Key": _dump(key),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :new_{name}" for name in changes),
        "ExpressionAttributeNames": {f"#{name}": name for name in changes},
        "ExpressionAttributeValues": _dump({**{f":new_{name}": value for name, value in changes.items()}, **values}),
    }


def _dump(values: Mapping[str, str | int]) -> dict[str, dict[str, str]]:
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()}


def _decimal(amount: float) -> str:
    return f"{amount:.9f}".rstrip("0").rstrip(".")


def _load(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: next(iter(value.values())) for name, value in item.items()}
