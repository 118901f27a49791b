"""What an update of a resource changes, what it replaces, and how a resource without a name is called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

import localaws
from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.dynamodb import index_changes, outstanding, time_to_live_changes
from localaws.services.cloudformation.resources.handler import handler, made_before
from localaws.services.cloudformation.resources.names import SUFFIX_LENGTH, generated_name, random_suffix
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.unit.services.cloudformation.resources.made_up import a_creation, a_deployed

# Where AWS decides by more than the property's name: an event bus and a subscription's Region other than their own,
# settings that durable functions have. None of them is played here.
UNPLAYED = {"EventBusName", "Region", "DurableConfig"}


@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_what_replaces_a_resource_is_what_its_schema_says(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    stated = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    assert HANDLERS[kind].replaced_by == {name.removeprefix("/properties/") for name in stated} - UNPLAYED


def test_the_readme_names_every_type() -> None:
    text = (Path(localaws.__file__).parent / "README.md").read_text()
    assert set(re.findall(r"`(AWS::\w+::\w+)`", text)) == set(HANDLERS)


def test_a_changed_property_that_no_update_takes_is_refused_by_name() -> None:
    def update(creation: Creation, deployed: DeployedResource) -> Made:
        creation.take("Timeout")
        return made_before(deployed)

    checked = handler(lambda _: Made(physical_id="x"), update, lambda *_: None, replaced_by=("Name",)).update
    before = a_deployed(Name="n", Timeout=3, Colour="blue", Size=5)
    unchanged = a_creation(Name="n", Timeout=4, Colour="blue", Size=5)
    assert checked(unchanged, before).physical_id == before.physical_id
    unchanged.refuse_unused()
    with pytest.raises(PropertyError, match="property Colour: not supported"):
        checked(a_creation(Name="n", Timeout=4, Colour="red", Size=5), before)
    with pytest.raises(PropertyError, match="property Size: not supported"):
        checked(a_creation(Name="n", Timeout=3, Colour="blue"), before)


def test_an_api_that_writes_the_whole_resource_resets_what_was_removed() -> None:
    def update(creation: Creation, deployed: DeployedResource) -> Made:
        assert creation.whole() == {"Threshold": 2}
        return made_before(deployed)

    checked = handler(lambda _: Made(physical_id="x"), update, lambda *_: None).update
    checked(a_creation(Threshold=2), a_deployed(Threshold=1, Description="gone"))


@pytest.mark.parametrize(
    ("stack", "logical_id", "longest", "expected"),
    [
        pytest.param("shop-dev", "Inbox", 80, "shop-dev-Inbox-", id="short"),
        pytest.param("s" * 40, "L" * 40, 64, f"{'s' * 25}-{'L' * 25}-", id="both cut alike"),
        pytest.param("s" * 40, "Inbox", 64, f"{'s' * 40}-Inbox-", id="a short id leaves room"),
        pytest.param("shop--dev", "Inbox", 80, "shop-dev-Inbox-", id="dashes apart"),
        pytest.param("shop", "L" * 60, 64, f"shop-{'L' * 46}-", id="a short stack leaves room"),
    ],
)
def test_a_generated_name_is_stack_id_and_suffix(stack: str, logical_id: str, longest: int, expected: str) -> None:
    name = generated_name(stack, logical_id, "x" * SUFFIX_LENGTH, longest=longest)
    assert name == expected + "x" * SUFFIX_LENGTH
    assert len(name) <= longest


def test_suffixes_differ() -> None:
    assert len({random_suffix() for _ in range(50)}) == 50


def test_tags_are_set_and_removed_one_by_one() -> None:
    before = [{"Key": "kept", "Value": "1"}, {"Key": "changed", "Value": "1"}, {"Key": "gone", "Value": "1"}]
    after = [{"Key": "kept", "Value": 1}, {"Key": "changed", "Value": "2"}, {"Key": "new", "Value": "3"}]
    assert tag_changes(before, after) == ({"changed": "2", "new": "3"}, ["gone"])
    assert tag_changes(None, {"as": "a map"}) == ({"as": "a map"}, [])
    assert tag_changes(before, None) == ({}, ["changed", "gone", "kept"])


def index(name: str, key: str = "a") -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}]}


def test_one_index_is_made_or_removed_in_an_update() -> None:
    def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return index_changes({"GlobalSecondaryIndexes": before}, {"GlobalSecondaryIndexes": after})

    one, two = index("one"), index("two")
    made, removed = {"Create": two}, {"Delete": {"IndexName": "two"}}
    assert changes([one], [one, two]) == [{"GlobalSecondaryIndexUpdates": [made]}]
    assert changes([one, two], [one]) == [{"GlobalSecondaryIndexUpdates": [removed]}]
    assert index_changes({}, {}) == []
    with pytest.raises(PropertyError, match="Cannot perform more than one GSI creation or deletion"):
        changes([one], [two])
    with pytest.raises(PropertyError, match="cannot change index one in place"):
        changes([one], [index("one", key="b")])


def test_an_index_change_that_was_never_made_is_not_taken_back() -> None:
    made = [{"GlobalSecondaryIndexUpdates": [{"Create": index("new")}]}]
    removed = [{"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "new"}}]}]
    assert (outstanding(removed, {"old"}), outstanding(removed, {"new"})) == ([], removed)
    assert (outstanding(made, {"new"}), outstanding(made, set())) == ([], made)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, "a", [(True, "a")], id="on"),
        pytest.param("a", None, [(False, "a")], id="off"),
        pytest.param("a", "b", [(False, "a"), (True, "b")], id="another attribute"),
        pytest.param("a", "a", [], id="as it was"),
    ],
)
def test_time_to_live_is_switched_off_before_it_takes_another_attribute(
    before: str | None, after: str | None, expected: list[tuple[bool, str]]
) -> None:
    def settings(attribute: str | None) -> dict[str, Any] | None:
        return None if attribute is None else {"Enabled": "true", "AttributeName": attribute}

    found = time_to_live_changes(settings(before), settings(after))
    assert [(one["Enabled"], one["AttributeName"]) for one in found] == expected
    assert time_to_live_changes({"Enabled": False, "AttributeName": "a"}, None) == []
