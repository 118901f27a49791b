"""Stacks are made, changed, taken back and deleted resource by resource, as CloudFormation documents it."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.tests.unit.services.cloudformation.execution.world import World


def toy(
    _kind: str = "Toy", /, *, after: str = "", keep: str = "", replaced: str = "", **properties: Any
) -> dict[str, Any]:
    """A resource of a template that depends on another one, with its policies."""
    entry: dict[str, Any] = {"Type": _kind, "Properties": properties}
    if after:
        entry["DependsOn"] = after
    if keep:
        entry["DeletionPolicy"] = keep
    if replaced:
        entry["UpdateReplacePolicy"] = replaced
    return entry


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


@pytest.fixture
def world() -> World:
    return World()


# ---------------------------------------------------------------------- creation


def test_resources_are_created_after_what_they_refer_to(world: World) -> None:
    world.deploy({"Lid": toy(On=ref("Box")), "Box": toy("Box", Colour="red")})
    assert world.calls == ["create Box", "create Lid"]
    assert world.things["Lid-2"] == {"On": "Box-1"}
    assert world.statuses() == ["CREATE_COMPLETE"]
    assert world.statuses("Box") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]


def test_a_failed_creation_takes_back_what_was_made(world: World) -> None:
    world.deploy({"Box": toy("Box"), "Lid": toy(On=ref("Box")), "Toy": toy(In=ref("Lid"), Colour="broken")})
    assert world.things == {}
    assert world.calls[-2:] == ["delete Lid", "delete Box"]
    assert world.statuses() == ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    assert world.statuses("Toy")[-1] == "CREATE_FAILED"
    started = next(event for event in world.stack.events if event.status == "ROLLBACK_IN_PROGRESS")
    assert started.reason == "The following resource(s) failed to create: [Toy]. Rollback requested by user."


@pytest.mark.parametrize(("policy", "is_left"), [("Retain", True), ("RetainExceptOnCreate", False), ("Delete", False)])
def test_of_a_failed_creation_only_what_is_retained_stays(world: World, policy: str, is_left: bool) -> None:
    world.deploy({"Box": toy("Box", keep=policy), "Toy": toy(after="Box", Colour="broken")})
    assert bool(world.things) is is_left


@pytest.mark.parametrize(
    ("on_failure", "status", "left"),
    [
        ("DO_NOTHING", "CREATE_FAILED", ["Box-1"]),
        ("DELETE", "DELETE_COMPLETE", []),
        ("ROLLBACK", "ROLLBACK_COMPLETE", []),
    ],
)
def test_the_caller_says_what_becomes_of_a_failed_creation(
    world: World, on_failure: str, status: str, left: list[str]
) -> None:
    world.deploy({"Box": toy("Box"), "Toy": toy(after="Box", Colour="broken")}, on_failure=on_failure)
    assert (world.stack.status, list(world.things)) == (status, left)


def test_a_defect_of_a_handler_fails_the_resource_instead_of_leaving_the_stack_in_progress(world: World) -> None:
    world.deploy({"Toy": toy(Colour="defect")})
    assert world.stack.status == "ROLLBACK_COMPLETE"
    assert any("Internal Failure" in event.reason for event in world.stack.events)


def test_what_was_made_but_is_not_as_wanted_is_taken_back_too(world: World) -> None:
    world.deploy({"Toy": toy(Colour="red", Size=5, Unknown=1)})
    assert (world.things, world.stack.status) == ({}, "ROLLBACK_COMPLETE")
    assert world.calls == ["create Toy", "delete Toy"]


def test_an_export_that_another_stack_has_fails_the_creation(world: World) -> None:
    world.exporters = {"box": "other"}
    outputs = {"Where": {"Value": ref("Box"), "Export": {"Name": "box"}}}
    world.deploy({"Box": toy("Box")}, template={"Outputs": outputs})
    assert world.stack.status == "ROLLBACK_COMPLETE"
    assert any("Export with name box is already exported by stack other" in each.reason for each in world.stack.events)


# ---------------------------------------------------------------------- update


def test_what_did_not_change_is_not_touched(world: World) -> None:
    world.deploy({"Box": toy("Box", Colour="red"), "Toy": toy(In=ref("Box"))})
    world.calls.clear()
    world.deploy({"Box": toy("Box", Colour="red"), "Toy": toy(In=ref("Box"), Colour="blue")})
    assert world.calls == ["update Toy"]
    assert world.things["Toy-2"] == {"In": "Box-1", "Colour": "blue"}
    assert world.statuses()[-2:] == ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_a_replaced_resource_changes_what_refers_to_it_and_goes_last(world: World) -> None:
    world.deploy({"Box": toy("Box", Shape="round"), "Toy": toy(In=ref("Box"))})
    world.calls.clear()
    world.deploy({"Box": toy("Box", Shape="square"), "Toy": toy(In=ref("Box"))})
    assert world.calls == ["create Box", "update Toy", "delete Box"]
    assert world.things == {"Box-3": {"Shape": "square"}, "Toy-2": {"In": "Box-3"}}
    assert world.stack.last_events["Box"].status == "UPDATE_COMPLETE"


def test_an_attribute_that_changed_changes_what_refers_to_it(world: World) -> None:
    toys = {"Toy": toy(Colour={"Fn::GetAtt": ["Box", "Colour"]})}
    world.deploy({"Box": toy("Box", Colour="red"), **toys})
    world.deploy({"Box": toy("Box", Colour="blue"), **toys})
    assert world.things["Toy-2"] == {"Colour": "blue"}


def test_new_resources_come_first_and_removed_ones_go_last(world: World) -> None:
    world.deploy({"Old": toy()})
    world.calls.clear()
    world.deploy({"New": toy()})
    assert world.calls == ["create New", "delete Old"]
    assert list(world.stack.resources) == list(world.stack.last_events) == ["New"]


def test_a_name_that_moves_to_another_logical_id_is_taken_and_what_waits_for_it_stays_as_it_is(world: World) -> None:
    """What is new is made before what is gone is deleted."""
    world.deploy({"Old": toy(ThingName="log"), "Box": toy("Box", Shape="round")})
    before = dict(world.things)
    world.calls.clear()
    world.deploy({"New": toy(ThingName="log"), "Box": toy("Box", Shape="square", On=ref("New"))})
    assert (world.calls, world.things) == (["create New"], before)
    assert world.statuses()[-1] == "UPDATE_ROLLBACK_COMPLETE"
    assert "already exists" in next(each.reason for each in world.stack.events if each.status == "CREATE_FAILED")


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_removed_resource_with_a_policy_stays_where_it_is(world: World, policy: str) -> None:
    world.deploy({"Old": toy(keep=policy)})
    world.deploy({"New": toy()})
    assert list(world.things) == ["Old-1", "New-2"]
    assert world.statuses("Old")[-1] == "DELETE_SKIPPED"


def test_a_replaced_resource_with_a_policy_stays_where_it_is(world: World) -> None:
    world.deploy({"Box": toy("Box", replaced="Retain", Shape="round")})
    world.deploy({"Box": toy("Box", replaced="Retain", Shape="square")})
    assert list(world.things) == ["Box-1", "Box-2"]
    assert world.stack.physical_id("Box") == "Box-2"


def test_a_custom_named_resource_is_not_replaced_under_its_name(world: World) -> None:
    world.deploy({"Box": toy("Box", Shape="round", Name="Box-1")})
    world.deploy({"Box": toy("Box", Shape="square", Name="Box-1")})
    assert list(world.things) == ["Box-1"]
    assert world.stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Rename Box-1 and update the stack again." in event.reason for event in world.stack.events)


def test_a_changed_parameter_and_condition_and_output_take_effect(world: World) -> None:
    sections = {
        "Parameters": {"Colour": {"Type": "String", "Default": "red"}},
        "Conditions": {"IsBlue": {"Fn::Equals": [ref("Colour"), "blue"]}},
        "Outputs": {"Painted": {"Value": ref("Colour")}, "Blue": {"Value": ref("Extra"), "Condition": "IsBlue"}},
    }
    resources = {"Box": toy("Box", Colour=ref("Colour")), "Extra": {**toy(), "Condition": "IsBlue"}}
    world.deploy(resources, template=sections)
    assert [(name, output.value) for name, output in world.stack.outputs.items()] == [("Painted", "red")]
    world.deploy(resources, template={**sections, "parameters": {"Colour": "blue"}})
    assert world.things == {"Box-1": {"Colour": "blue"}, "Extra-2": {}}
    assert {name: output.value for name, output in world.stack.outputs.items()} == {
        "Painted": "blue",
        "Blue": "Extra-2",
    }
    assert world.stack.parameters == {"Colour": "blue"}


def test_a_failed_update_brings_everything_back(world: World) -> None:
    before = {"Box": toy("Box", Shape="round"), "Lid": toy(Colour="red", On=ref("Box")), "Gone": toy()}
    world.deploy(before)
    things = dict(world.things)
    world.deploy({
        "Box": toy("Box", Shape="square"),
        "Lid": toy(Colour="blue", On=ref("Box")),
        "New": toy(after="Lid"),
        "Toy": toy(after="New", Colour="broken"),
    })  # fmt: skip
    assert world.things == things
    assert world.stack.physical_id("Box") == "Box-1"
    assert sorted(world.stack.resources) == sorted(world.stack.last_events) == ["Box", "Gone", "Lid"]
    assert world.statuses()[-3:] == [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    assert {event.status for event in world.stack.last_events.values()} == {"UPDATE_COMPLETE", "CREATE_COMPLETE"}


def test_a_half_done_update_is_brought_back_too(world: World) -> None:
    world.deploy({"Box": toy("Box", Colour="red")})
    world.calls.clear()
    world.deploy({"Box": toy("Box", Colour="broken")})
    assert world.calls == ["update Box", "update Box"]
    assert world.stack.resources["Box"].properties == {"Colour": "red"}
    assert world.stack.status == "UPDATE_ROLLBACK_COMPLETE"


def test_the_caller_may_keep_what_failed(world: World) -> None:
    world.deploy({"Box": toy("Box", Colour="red")})
    world.deploy({"Box": toy("Box", Colour="red"), "New": toy(), "Toy": toy(after="New", Colour="broken")},
                 keeps_what_failed=True)  # fmt: skip
    assert world.stack.status == "UPDATE_FAILED"
    assert list(world.things) == ["Box-1", "New-2"]
    world.deploy({"Box": toy("Box", Colour="red"), "New": toy()})
    assert world.stack.status == "UPDATE_COMPLETE"


# ---------------------------------------------------------------------- deletion


def test_a_stack_is_deleted_in_reverse_order_but_for_what_is_retained(world: World) -> None:
    world.deploy({"Data": toy(keep="RetainExceptOnCreate"), "Box": toy("Box"), "Toy": toy(In=ref("Box"))})
    world.calls.clear()
    world.delete()
    assert world.calls == ["delete Toy", "delete Box"]
    assert list(world.things) == ["Data-1"]
    assert world.stack.status == "DELETE_COMPLETE"


def test_what_cannot_be_deleted_is_named_and_its_dependencies_stay(world: World) -> None:
    world.deploy({"Box": toy("Box"), "Toy": toy(In=ref("Box")), "Other": toy()})
    world.stuck = {"Toy"}
    world.delete()
    assert list(world.things) == ["Box-1", "Toy-3"] or list(world.things) == ["Box-1", "Toy-2"]
    assert (world.stack.status, sorted(world.stack.resources)) == ("DELETE_FAILED", ["Box", "Toy"])
    assert world.stack.status_reason == "The following resource(s) failed to delete: [Toy]. "
    world.delete(retained=["Toy"])
    assert world.stack.status == "DELETE_COMPLETE"
    assert [name.partition("-")[0] for name in world.things] == ["Toy"]


def test_every_event_of_a_stack_has_a_later_time_than_the_one_before(world: World) -> None:
    """``sam deploy`` reads on from the time of the last event it has seen: an event of the same time would be lost."""
    world.deploy({"Box": toy("Box"), "Toy": toy()})
    times = [event.at for event in world.stack.events]
    assert times == sorted(set(times))


# ---------------------------------------------------------------------- what a change set shows


def shown(world: World, resources: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {change.logical_id: (change.action, change.replacement) for change in world.preview(resources)}


def test_a_change_set_shows_what_is_added_modified_and_removed(world: World) -> None:
    world.deploy({"Box": toy("Box", Colour="red"), "Same": toy(), "Gone": toy(keep="Retain")})
    after = {"Box": toy("Box", Colour="blue"), "Same": toy(), "New": toy(In=ref("Box"))}
    assert shown(world, after) == {"Box": ("Modify", "False"), "New": ("Add", None), "Gone": ("Remove", None)}
    removed = next(change for change in world.preview(after) if change.action == "Remove")
    assert removed.policy_action == "Retain"


def test_a_change_set_shows_what_a_replacement_changes(world: World) -> None:
    world.deploy({"Box": toy("Box", Shape="round"), "Lid": toy(On=ref("Box")), "Twin": toy(Shape=ref("Box"))})
    after = {"Box": toy("Box", Shape="square"), "Lid": toy(On=ref("Box")), "Twin": toy(Shape=ref("Box"))}
    assert shown(world, after) == {
        "Box": ("Modify", "True"),
        "Lid": ("Modify", "False"),
        "Twin": ("Modify", "Conditional"),
    }


def test_a_change_set_shows_a_changed_policy(world: World) -> None:
    world.deploy({"Box": toy("Box")})
    (change,) = world.preview({"Box": toy("Box", keep="Retain")})
    assert (change.action, change.scope, change.replacement) == ("Modify", ("DeletionPolicy",), "False")


def test_a_change_set_is_empty_when_nothing_changes(world: World) -> None:
    resources = {"Box": toy("Box", Colour="red"), "Toy": toy(In=ref("Box"))}
    world.deploy(resources)
    assert world.preview(resources) == []
