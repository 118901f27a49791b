"""What is logged of reported outcomes: how many count for what, never what was reported."""

from __future__ import annotations

from typing import Any

from sluice.errors import RetryableError

from functions.record_outcome.app import run as record_outcome
from tests.fakes.ab_world import ROLLOUT, outcome, report, world_under_test
from tests.fakes.sluice_world import SluiceWorld

GOOD = outcome("order-1", variant="v7")


def world() -> SluiceWorld:
    found = world_under_test()
    found.telemetry.keys.clear()
    found.telemetry.lines.clear()
    return found


def said(world: SluiceWorld, level: str = "INFO") -> list[tuple[str, dict[str, Any]]]:
    return [(message, fields) for at, message, fields in world.telemetry.lines if at == level]


def test_outcomes_of_a_variant_are_logged_together() -> None:
    under_test = world()
    report(under_test, GOOD, GOOD, outcome("order-2", variant="v7"), outcome("order-3", variant="v6"))
    assert said(under_test) == [
        ("outcomes counted", {"rollout": ROLLOUT, "variant": "v7", "received": 3, "new": 2}),
        ("outcomes counted", {"rollout": ROLLOUT, "variant": "v6", "received": 1, "new": 1}),
    ]


def test_outcomes_of_no_test_are_logged_as_a_number() -> None:
    under_test = world()
    report(under_test, {**GOOD, "metric": "spent"}, {**GOOD, "model": "churn"})
    assert said(under_test) == [("outcomes ignored: no running test counts them", {"ignored": 2})]


def test_what_is_parked_is_logged_with_its_field_but_not_its_value() -> None:
    under_test = world()
    report(under_test, {**GOOD, "value": "four-thousand"}, {**GOOD, "variant": "v99"})
    assert [fields["field"] for message, fields in said(under_test) if message == "outcome parked"] == [
        "value",
        "variant",
    ]
    assert "four-thousand" not in str(under_test.telemetry.lines)
    assert "v99" not in str(under_test.telemetry.lines)
    assert "four-thousand" in under_test.refused_outcomes.messages[0][1], "a person sees it in the queue"


def test_a_message_that_breaks_the_function_holds_up_no_other(monkeypatch: Any) -> None:
    """It comes again alone, and after five times goes to the dead-letter queue."""
    under_test = world()
    read = under_test.ports.store.last_test

    def break_on_churn(model: str) -> Any:
        if model == "churn":
            raise ZeroDivisionError
        return read(model)

    monkeypatch.setattr(under_test.ports.store, "last_test", break_on_churn)
    assert report(under_test, {**GOOD, "model": "churn"}, GOOD) == ["0"]
    ((message, fields),) = said(under_test, "ERROR")
    assert (message, fields["error"]) == ("message goes back to the queue", "ZeroDivisionError")
    assert [fields["new"] for message, fields in said(under_test) if message == "outcomes counted"] == [1]


def test_outcomes_that_cannot_be_counted_now_come_again(monkeypatch: Any) -> None:
    under_test = world()

    def throttled(*_: object) -> int:
        raise RetryableError("too many")

    monkeypatch.setattr(under_test.ports.outcomes, "add", throttled)
    assert report(under_test, GOOD, outcome("order-2", variant="v6")) == ["0", "1"]
    assert [message for message, _ in said(under_test, "ERROR")] == ["outcomes returned to the queue"] * 2


def test_failures_of_one_batch_are_not_those_of_the_next(monkeypatch: Any) -> None:
    """The processor is one for all invocations of an environment."""
    under_test = world()
    with monkeypatch.context() as patched:
        patched.setattr(under_test.ports.store, "last_test", lambda model: 1 / 0)
        assert report(under_test, GOOD) == ["0"]
    assert report(under_test, GOOD) == []
    assert record_outcome({"Records": []}, under_test.ports) == {"batchItemFailures": []}
