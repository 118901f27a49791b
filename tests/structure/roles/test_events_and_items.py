"""Each function's role publishes exactly the events that its code names, and changes only the items that it keeps."""

from __future__ import annotations

import re

import pytest

from tests.builders.function_reach import FUNCTIONS, kept, published
from tests.builders.role_policies import BUS, TABLE, is_allowed

NAMES = sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))
EVERY_EVENT = {each for name in NAMES for each in published(name)} | {"TrainRequested", "RolloutAbortRequested"}
EVERY_PREFIX = {"APPROVAL#", "ENDPOINT#", "MODEL#", "PENDING#", "REQUEST#", "ROLLOUT#", "SWEEP", "UPLOAD#", "WAITING#"}
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
READS = ("GetItem", "Query")


def role_of(function: str) -> str:
    return "".join(part.capitalize() for part in function.split("_")) + "FunctionRole"


def may_publish(function: str, detail_type: str, source: str = "sluice") -> bool:
    context = {"events:source": source, "events:detail-type": detail_type}
    return is_allowed(role_of(function), "events:PutEvents", BUS, context)


def may(function: str, actions: tuple[str, ...], prefix: str) -> bool:
    context = {"dynamodb:LeadingKeys": (f"{prefix}x",) if prefix.endswith("#") else (prefix,)}
    return any(is_allowed(role_of(function), f"dynamodb:{action}", TABLE, context) for action in actions)


@pytest.mark.parametrize("function", NAMES)
def test_a_role_publishes_exactly_what_its_function_tells(function: str) -> None:
    assert {each for each in EVERY_EVENT if may_publish(function, each)} == published(function)


@pytest.mark.parametrize("function", NAMES)
def test_a_role_cannot_speak_for_aws(function: str) -> None:
    assert not any(may_publish(function, each, source="aws.sagemaker") for each in EVERY_EVENT)


@pytest.mark.parametrize("function", NAMES)
def test_a_role_changes_only_items_that_its_function_keeps(function: str) -> None:
    changed = {prefix for prefix in EVERY_PREFIX if may(function, WRITES, prefix)}
    rollouts = {"ROLLOUT#", "ENDPOINT#"} if "MODEL#" in changed and may(function, WRITES, "ROLLOUT#") else set()
    assert changed <= kept(function) | rollouts, "one list for all tasks of a rollout"
    if function != "sweep":
        assert changed < EVERY_PREFIX


@pytest.mark.parametrize("function", NAMES)
def test_a_role_reaches_every_item_that_its_function_keeps(function: str) -> None:
    """A function whose code keeps something new needs the prefix in its role."""
    assert {prefix for prefix in kept(function) if not may(function, (*READS, *WRITES), prefix)} == set()


def test_every_kind_of_partition_key_is_known_here() -> None:
    layer = FUNCTIONS.parent / "layers" / "sluice" / "sluice"
    found = {each for path in layer.rglob("*.py") for each in re.findall(r'"pk": f?"([A-Z]+#?)', path.read_text())}
    assert found <= EVERY_PREFIX
