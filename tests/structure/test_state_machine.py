"""Rules every state machine keeps: bounded, retried, caught, and never successful after a failure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse
from sluice.rollout.rollback import PROMOTED

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
MACHINES = sorted((ROOT / "statemachines").glob("*.asl.json"))


def test_there_is_a_state_machine() -> None:
    assert MACHINES


@pytest.fixture(params=MACHINES, ids=lambda path: path.name)
def machine(request: pytest.FixtureRequest) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(request.param.read_text())
    return definition


def of_type(machine: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in machine["States"].items() if state["Type"] == kind}


def test_every_task_is_bounded_retried_and_caught(machine: dict[str, Any]) -> None:
    tasks = of_type(machine, "Task")
    assert tasks
    missing = [
        f"{name} has no {field}"
        for name, task in tasks.items()
        for field in ("TimeoutSeconds", "Retry", "Catch")
        if not task.get(field)
    ]
    assert missing == []


def test_a_task_waits_longer_than_its_function_may_run(machine: dict[str, Any]) -> None:
    """Otherwise the state machine invokes the function once more while it still works."""
    functions = TEMPLATE["Resources"]
    usual = TEMPLATE["Globals"]["Function"]["Timeout"]
    for name, task in of_type(machine, "Task").items():
        function = functions[f"{name}Function"]["Properties"]
        assert task["TimeoutSeconds"] >= function.get("Timeout", usual) + 30, name


def test_whatever_a_task_raises_is_caught(machine: dict[str, Any]) -> None:
    uncaught = [
        name
        for name, task in of_type(machine, "Task").items()
        if not any(catcher["ErrorEquals"] == ["States.ALL"] for catcher in task["Catch"])
    ]
    assert uncaught == []


def test_retries_end_and_back_off(machine: dict[str, Any]) -> None:
    endless = [
        name
        for name, task in of_type(machine, "Task").items()
        for retrier in task["Retry"]
        if not (0 < retrier.get("MaxAttempts", 3) <= 20 and retrier.get("BackoffRate", 2) > 1)
    ]
    assert endless == []


PROCESS_DEATHS = (
    "Runtime.ExitError",  # Lambda's answer names the error: aws-solutions/amazon-s3-find-and-forget, pull request 283
    "Lambda.Unknown",  # it does not: Step Functions guide, "Handle transient Lambda service exceptions"
    "Sandbox.Timedout",
    "States.Timeout",
)
SERVICE_ERRORS = (
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
)


@pytest.mark.parametrize("error", [*PROCESS_DEATHS, *SERVICE_ERRORS])
def test_a_task_whose_function_dies_once_is_tried_again(machine: dict[str, Any], error: str) -> None:
    """A base name covers no other: a crash under a name that no retrier lists takes a good version back."""
    given_up = [
        name
        for name, task in of_type(machine, "Task").items()
        if not any({error, "States.ALL"} & set(retrier["ErrorEquals"]) for retrier in task["Retry"])
    ]
    assert given_up == []


def least_wait_seconds(retrier: dict[str, Any]) -> float:
    """How long all tries of a retrier take in the worst draw: full jitter draws from 0 on (Step Functions guide)."""
    if retrier.get("JitterStrategy") == "FULL":
        return 0
    first, rate, longest = (float(retrier.get(field, usual)) for field, usual in _DEFAULTS)
    return sum(min(first * rate**number, longest) for number in range(retrier.get("MaxAttempts", 3)))


_DEFAULTS = (("IntervalSeconds", 1.0), ("BackoffRate", 2.0), ("MaxDelaySeconds", inf))


def test_what_passes_by_itself_is_waited_for_in_the_worst_draw(machine: dict[str, Any]) -> None:
    """A role that is seconds old causes Lambda.AWSLambdaException, and works within half a minute.

    What a process dies of does not pass by waiting.
    """
    hasty = {
        name: retrier["ErrorEquals"]
        for name, task in of_type(machine, "Task").items()
        for retrier in task["Retry"]
        if not set(PROCESS_DEATHS) & set(retrier["ErrorEquals"]) and least_wait_seconds(retrier) < 30
    }
    assert hasty == {}


def test_every_choice_has_a_default(machine: dict[str, Any]) -> None:
    choices = of_type(machine, "Choice")
    assert [name for name, choice in choices.items() if "Default" not in choice] == []


def test_a_failure_never_ends_in_success(machine: dict[str, Any]) -> None:
    states = machine["States"]
    caught = {catcher["Next"] for state in states.values() for catcher in state.get("Catch", [])}
    assert caught
    promoted, *others = states["IsRolledBack"]["Choices"]  # what was closed as promoted before the failure
    assert promoted == {"Variable": "$.step.reason", "StringEquals": PROMOTED, "Next": "Promoted"}
    reached = reachable({**states, "IsRolledBack": {**states["IsRolledBack"], "Choices": others}}, caught)
    assert [name for name in reached if states[name]["Type"] == "Succeed" or states[name].get("End")] == []
    assert any(states[name]["Type"] == "Fail" for name in reached)


def test_no_way_to_a_failed_end_goes_past_the_restoring_state(machine: dict[str, Any]) -> None:
    states = machine["States"]
    assert states["RollBack"]["Type"] == "Task"
    without = {name: state for name, state in states.items() if name != "RollBack"}
    reached = reachable(without, {machine["StartAt"]})
    assert [name for name in reached if states[name]["Type"] == "Fail"] == []
    assert any(states[name]["Type"] == "Succeed" for name in reached)


def test_whatever_goes_wrong_before_the_end_is_restored(machine: dict[str, Any]) -> None:
    tasks = of_type(machine, "Task")
    elsewhere = {
        name: catcher["Next"]
        for name, task in tasks.items()
        for catcher in task["Catch"]
        if name != "RollBack" and catcher["Next"] != "RollBack"
    }
    assert elsewhere == {}
    unknown = {name: choice["Default"] for name, choice in of_type(machine, "Choice").items()}
    assert {name for name, default in unknown.items() if default != "RollBack"} == {"IsRolledBack"}


def test_once_restoring_nothing_goes_forward(machine: dict[str, Any]) -> None:
    states = machine["States"]
    after = reachable(states, {"RollBack"})
    assert {name for name in after if states[name]["Type"] == "Task"} == {"RollBack"}


def test_the_execution_as_a_whole_is_bounded(machine: dict[str, Any]) -> None:
    assert machine["TimeoutSeconds"] > 0


def test_every_state_can_be_reached(machine: dict[str, Any]) -> None:
    assert reachable(machine["States"], {machine["StartAt"]}) == machine["States"].keys()


def test_functions_that_one_engine_lacks_are_not_used(machine: dict[str, Any]) -> None:
    """The local engine answers JSONata's $uuid and $hash with a text instead of an error."""
    assert re.findall(r"\$(?:uuid|hash)\(", json.dumps(machine)) == []


def reachable(states: dict[str, Any], start: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = set(start)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= (set(successors(states[name])) & states.keys()) - found
    return found


def successors(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[field] for field in ("Next", "Default") if field in state)
    yield from (branch["Next"] for field in ("Choices", "Catch") for branch in state.get(field, []))
