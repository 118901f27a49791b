"""What a gate's function may answer, and which gates lie ahead."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import RetryableError
from sluice.names import Names
from sluice.rollout.gates.gate_functions import GateFunctions
from sluice.rollout.gates.gates import MAX_ANSWER_BYTES, RolloutGate, gates_ahead
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan

from tests.builders.aws_clients import client_error, translating
from tests.fakes.sluice_world import spec_with_rollout

ARN = "arn:aws:lambda:us-east-1:123456789012:function:sluice-dev-gate-change"


class FakeLambda:
    """Answers every call with the same bytes, or fails."""

    def __init__(self, payload: bytes = b"", error: str = "", raised: Exception | None = None) -> None:
        self._answer: dict[str, Any] = {"Payload": io.BytesIO(payload)} | ({"FunctionError": error} if error else {})
        self._raised = raised
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self._raised:
            raise self._raised
        return self._answer


def test_a_clear_yes_opens_and_is_asked_with_what_is_known() -> None:
    client = FakeLambda(b'{"allow": true, "reason": "change 42 is approved"}')
    answer = GateFunctions(translating(client)).ask(ARN, {"model": "fraud", "version": 7})
    assert (answer.allow, answer.reason) == (True, "change 42 is approved")
    (request,) = client.asked
    assert request["FunctionName"] == ARN
    assert json.loads(request["Payload"]) == {"model": "fraud", "version": 7}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"allow": false, "reason": "no change ticket"}', "no change ticket"),
        (b'{"allow": false}', "no reason given"),
        (b'{"allow": "true", "reason": "looks like a yes"}', "without an 'allow' that is true or false"),
        (b'{"allow": 1}', "without an 'allow'"),
        (b'{"reason": "yes"}', "without an 'allow'"),
        (b"true", "answered true instead of"),
        (b"null", "answered null instead of"),
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b'{"allow": true, "reason": ' + b"[" * 900 + b"]" * 900 + b"}", "nested"),
        (b'{"allow": true, "reason": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be read"),
        (b'{"allow": true, "reason": "' + b"x" * (5 << 20) + b'"}', "more than 65,536 bytes"),
        (b'{"allow": true, "reason": "\\ud800"}', "surrogate"),
    ],
)
def test_anything_but_a_clear_yes_keeps_it_closed(payload: bytes, reason: str) -> None:
    answer = GateFunctions(translating(FakeLambda(payload))).ask(ARN, {})
    assert not answer.allow
    assert reason in answer.reason


def test_of_an_answer_that_is_too_long_only_the_beginning_is_read() -> None:
    body = io.BytesIO(b"x" * (5 << 20))
    client = FakeLambda()
    client._answer["Payload"] = body
    assert not GateFunctions(translating(client)).ask(ARN, {}).allow
    assert body.tell() == MAX_ANSWER_BYTES + 1


def test_a_long_reason_is_cut_and_one_that_is_no_text_is_told() -> None:
    """It is kept with the rollout, whose item has 400 KB."""
    long = GateFunctions(translating(FakeLambda(b'{"allow": true, "reason": "' + b"x" * 60_000 + b'"}'))).ask(ARN, {})
    assert (long.allow, len(long.reason)) == (True, 1_000)
    odd = GateFunctions(translating(FakeLambda(b'{"allow": false, "reason": {"a": [1]}}'))).ask(ARN, {})
    assert (odd.allow, odd.reason) == (False, '{"a": [1]}')
    failed = FakeLambda(b'{"errorMessage": "' + b"x" * 60_000 + b'"}', error="Unhandled")
    assert len(GateFunctions(translating(failed)).ask(ARN, {}).reason) < 1_100


def test_a_function_that_fails_keeps_it_closed_whatever_it_says() -> None:
    failed = FakeLambda(b'{"errorMessage": "KeyError: ticket", "allow": true}', error="Unhandled")
    answer = GateFunctions(translating(failed)).ask(ARN, {})
    assert (answer.allow, answer.reason) == (False, "failed: KeyError: ticket")


@pytest.mark.parametrize(
    "raised",
    [
        client_error("Invoke", "ResourceNotFoundException", "Function not found"),
        RetryableError("Read timeout on endpoint URL"),
    ],
)
def test_a_function_that_cannot_be_asked_keeps_it_closed(raised: Exception) -> None:
    answer = GateFunctions(translating(FakeLambda(raised=raised))).ask(ARN, {})
    assert not answer.allow
    assert str(raised) in answer.reason


def plan_with(**rollout: object) -> Plan:
    serving = VariantState(name="v6", weight=1.0, desired_count=2, instance_type="ml.m5.large", model="m6")
    live = EndpointState(name="sluice-dev-fraud", status="InService", config="c6", variants=(serving,))
    return make_plan(spec_with_rollout(**rollout), Names("dev"), "fraud-7-1", 7, live)


STAGES = [{"weight": 10, "bake": "5m", "gate": ARN}, {"weight": 50, "bake": "5m"}]


def test_the_gates_between_a_stage_and_what_follows() -> None:
    plan = plan_with(stages=STAGES, gate="human")
    assert gates_ahead(plan, 0, to_promotion=False) == (RolloutGate(0, ARN),)
    assert gates_ahead(plan, 1, to_promotion=False) == ()
    assert gates_ahead(plan, 1, to_promotion=True) == (RolloutGate(2, "human"),)
    assert gates_ahead(plan, 0, to_promotion=True) == (RolloutGate(0, ARN), RolloutGate(2, "human")), (
        "also when stages are skipped"
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_without_stages_only_the_promotion_has_a_gate() -> None:
    plan = plan_with(strategy="all_at_once", gate="human")
    assert gates_ahead(plan, 0, to_promotion=True) == (RolloutGate(0, "human"),)
    assert RolloutGate(0, "human").name(plan) == "the gate before the promotion"
