"""Words to a rollout that is under way, and its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws
from sluice.names import Names
from sluice.rollout.model.record import Command, Hold, RolloutPhase, RolloutRecord
from sluice.rollout.model.store import FencedError, RecordStore
from sluice.rollout.planning.planner import make_plan
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from cli.failures import BadInputError, CommandError, NotFoundError
from tests.builders.rollout_stage import NOW, RUNNING, RolloutStage
from tests.builders.spec_examples import spec_with


@pytest.fixture
def stage() -> Iterator[RolloutStage]:
    with mock_aws():
        yield RolloutStage()


@pytest.mark.parametrize("kind", ["pause", "resume", "promote"])
def test_a_command_is_kept_with_who_and_why(stage: RolloutStage, kind: str) -> None:
    if kind == "resume":
        paused = Command(kind="pause", by="ada", reason="", at=NOW)
        assert stage.store.set_command(RUNNING, paused)
    assert stage.run(kind, "fraud", "--reason", "launch day") == 0
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert (command.kind, command.reason) == (kind, "launch day")
    assert command.by.startswith("arn:aws:")
    assert [line["text"] for line in stage.history.entries(RUNNING)] == [str(command)]


@pytest.mark.parametrize("said", [(), ("pause", "resume"), ("promote",)])
def test_what_is_not_paused_is_not_resumed(stage: RolloutStage, said: tuple[str, ...]) -> None:
    for word in said:
        assert stage.run(word, "fraud") == 0
    before = stage.store.get(RUNNING).command
    with pytest.raises(CommandError, match="fraud-2-1 is not paused: nothing is changed"):
        stage.run("resume", "fraud")
    assert stage.store.get(RUNNING).command == before


def test_the_last_word_counts(stage: RolloutStage) -> None:
    stage.run("pause", "fraud")
    stage.run("resume", "fraud")
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert command.kind == "resume"


def test_a_rollout_that_runs_is_meant_before_one_that_waits(stage: RolloutStage) -> None:
    waiting = RolloutId(model="fraud", version=1, attempt=9)
    stage.open(waiting)
    stage.run("pause", "fraud")
    assert stage.store.get(RUNNING).command is not None
    assert stage.store.get(waiting).command is None


def test_aborting_fences_first_and_then_asks_for_the_weights(stage: RolloutStage) -> None:
    queue = stage.heard()
    assert stage.run("abort", "fraud", "--reason", "wrong data") == 0
    fence = stage.store.get(RUNNING).fence
    assert fence is not None
    assert fence.kind == "aborted"
    assert "wrong data" in fence.reason
    assert stage.event(queue) == ("RolloutAbortRequested", {"rollout": "fraud-2-1", "stack": "sluice-dev"})


def test_nothing_can_be_said_to_a_rollout_that_is_taken_back(stage: RolloutStage) -> None:
    stage.run("abort", "fraud")
    with pytest.raises(CommandError, match="taken back"):
        stage.run("promote", "fraud")


def test_without_a_rollout_there_is_nothing_to_steer(stage: RolloutStage) -> None:
    stage.store.close(RUNNING, "rolled_back", "x", NOW)
    with pytest.raises(NotFoundError, match="No rollout of fraud is under way"):
        stage.run("pause", "fraud")


def test_a_reason_that_is_too_long_is_refused(stage: RolloutStage) -> None:
    with pytest.raises(BadInputError, match="512"):
        stage.run("pause", "fraud", "--reason", "x" * 513)


def test_a_promotion_past_gates_and_windows_is_reported_as_such(stage: RolloutStage) -> None:
    stage.run("promote", "fraud", "--skip-gates", "--reason", "hot fix")
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert command.skip_gates
    assert "past gates and windows: hot fix" in stage.history.entries(RUNNING)[0]["text"]


@pytest.mark.parametrize("phase", ["promoting", "watching"])
def test_it_can_be_too_late_for_a_word(stage: RolloutStage, phase: RolloutPhase) -> None:
    stage.store.advance(RUNNING, phase)
    with pytest.raises(CommandError, match=f"fraud-2-1 is {phase}: it is too late to pause it"):
        stage.run("pause", "fraud")
    assert stage.store.get(RUNNING).command is None
    assert stage.run("abort", "fraud") == 0


def test_a_watch_is_promoted_only_if_it_waits_for_a_person(stage: RolloutStage) -> None:
    stage.store.advance(RUNNING, "watching")
    stage.store.record_hold(RUNNING, held("doubt", -1))
    with pytest.raises(CommandError, match="it is too late to promote it"):
        stage.run("promote", "fraud")
    stage.store.record_hold(RUNNING, held("doubt in the watch", -1))
    with pytest.raises(CommandError, match="it is too late to pause it"):
        stage.run("pause", "fraud")
    with pytest.raises(CommandError, match="waits at no gate: the ticket is not approved"):
        stage.run("continue", "fraud")
    assert stage.run("promote", "fraud", "--reason", "the alarm was deleted by mistake") == 0
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert command.kind == "promote"


@pytest.mark.parametrize("phase", ["promoting", "watching"])
def test_a_pause_that_comes_with_the_last_change_is_refused(stage: RolloutStage, phase: RolloutPhase) -> None:
    """The rollout goes on between the command's look at it and its write: one of the two writes comes first."""
    stage.store.advance(RUNNING, phase)
    assert not stage.store.set_command(RUNNING, Command(kind="pause", by="ada", reason="", at=NOW))
    assert stage.store.get(RUNNING).command is None


def test_a_paused_rollout_enters_no_stage_and_is_not_promoted(stage: RolloutStage) -> None:
    assert stage.store.set_command(RUNNING, Command(kind="pause", by="ada", reason="", at=NOW))
    before = stage.store.get(RUNNING)
    assert not stage.store.advance_unless_paused(RUNNING, "promoting")
    assert stage.store.get(RUNNING) == before
    assert stage.store.set_command(RUNNING, Command(kind="resume", by="ada", reason="", at=NOW))
    assert stage.store.advance_unless_paused(RUNNING, "promoting")
    stage.store.fence(RUNNING, "aborted", "x", NOW)
    with pytest.raises(FencedError):
        stage.store.advance_unless_paused(RUNNING, "promoting")


def held(by: str, gate: int) -> Hold:
    return Hold(by=by, reason="the ticket is not approved", since=NOW, at=NOW, stage=0, gate=gate)


def test_a_person_opens_the_gate_that_waits(stage: RolloutStage) -> None:
    stage.store.record_hold(RUNNING, held("human", 0))
    assert stage.run("continue", "fraud", "--reason", "looked at the errors") == 0
    assert list(stage.store.get(RUNNING).gates_opened) == [0]
    (line,) = stage.history.entries(RUNNING)
    assert line["text"].startswith("continue by arn:aws:")
    assert "looked at the errors" in line["text"]
    with pytest.raises(CommandError, match="waits at no gate"):
        stage.run("continue", "fraud")


def test_a_gate_that_nobody_waits_at_is_not_opened_in_advance(stage: RolloutStage) -> None:
    with pytest.raises(CommandError, match="waits at no gate"):
        stage.run("continue", "fraud")
    assert stage.store.get(RUNNING).gates_opened == {}


@pytest.mark.parametrize("by", ["window", "arn:aws:lambda:us-east-1:1:function:sluice-dev-gate-x"])
def test_what_does_not_wait_for_a_person_says_what_it_waits_for(stage: RolloutStage, by: str) -> None:
    stage.store.record_hold(RUNNING, held(by, -1 if by == "window" else 0))
    with pytest.raises(CommandError, match=r"the ticket is not approved.*--skip-gates"):
        stage.run("continue", "fraud")


def test_what_takes_a_rejected_version_out_of_service_is_meant_before_what_waits(stage: RolloutStage) -> None:
    stage.store.close(RUNNING, "rolled_back", "x", NOW)
    early = RolloutId(model="fraud", version=3, attempt=1)
    urgent = RolloutId(model="fraud", version=1, attempt=2)
    stage.open(early)
    stage.open(urgent, urgent=True)
    stage.run("abort", "fraud")
    assert stage.store.get(urgent).fence is not None
    assert stage.store.get(early).fence is None


def test_history_shows_what_was_said_and_seen(stage: RolloutStage) -> None:
    stage.run("pause", "fraud", "--reason", "launch day")
    assert stage.run("history", "fraud") == 0
    assert "fraud-2-1  baking" in stage.screen.getvalue()
    assert "launch day" in stage.screen.getvalue()
    with pytest.raises(NotFoundError, match="There is no model prices"):
        stage.run("history", "prices")


def test_history_shows_the_evidence_of_each_look(stage: RolloutStage) -> None:
    numbers = {"harm": 0.2, "harm_needed": 3.44, "safe": 1.5, "safe_needed": 3.0, "requests_needed": 1200}
    findings = [
        {"name": "alarm", "answer": "ABSTAIN", "reason": "quiet", "numbers": {}},
        {"name": "errors", "answer": "HOLD", "reason": "not proven yet", "numbers": numbers},
    ]
    stage.history.append(RUNNING, "look-1", "hold: errors: not proven yet", NOW, stage=0, findings=findings)
    stage.run("history", "fraud")
    assert "alarm ABSTAIN" in stage.screen.getvalue()
    assert "errors HOLD, harm 1.2 of 31, safety 4.5 of 20, about 1,200 more requests needed" in stage.screen.getvalue()


def test_history_is_of_the_rollout_opened_last_even_of_an_older_version(stage: RolloutStage) -> None:
    back = RolloutId(model="fraud", version=1, attempt=9)
    stage.store.open(replace(stage.store.get(RUNNING), id=back, opened_at=NOW + timedelta(minutes=1)))
    stage.run("history", "fraud")
    assert "fraud-1-9" in stage.screen.getvalue()


def test_history_can_be_asked_of_one_version(stage: RolloutStage) -> None:
    stage.open(RolloutId(model="fraud", version=3, attempt=1))
    assert stage.run("history", "fraud/2") == 0
    assert "fraud-2-1" in stage.screen.getvalue()
    with pytest.raises(NotFoundError, match="fraud/9 has had no rollout"):
        stage.run("history", "fraud/9")


def test_a_rollout_that_goes_live_is_meant_before_one_that_is_taken_back(stage: RolloutStage) -> None:
    stage.store.fence(RUNNING, "superseded", "by version 3", NOW)
    stage.store.begin_restoring(RUNNING)
    newer = RolloutId(model="fraud", version=3, attempt=1)
    stage.open(newer)
    for phase in ("queued", "provisioning"):
        if phase == "provisioning":
            stage.store.advance(newer, "provisioning")
        assert stage.run("pause", "fraud") == 0
        assert stage.store.get(newer).command is not None
    assert stage.run("abort", "fraud") == 0
    assert stage.store.get(newer).fence is not None


def test_the_rollout_with_the_lock_is_meant_though_another_was_approved_before_it(stage: RolloutStage) -> None:
    """Policy ``queue``: the record of the earlier approval was kept only after the later one had reached its gate."""
    stage.store.close(RUNNING, "rolled_back", "it rang", NOW)
    earlier, at_gate = (RolloutId(model="fraud", version=version, attempt=1) for version in (3, 4))
    stage.open(at_gate)
    before = stage.store.get(at_gate)
    stage.store.open(replace(before, id=earlier, approved_at=before.approved_at - timedelta(seconds=1)))
    assert stage.locks.acquire("sluice-dev-fraud", at_gate)
    hold = Hold(by="human", reason="waits for a person", since=NOW, at=NOW, stage=-1, gate=0)
    stage.store.record_hold(at_gate, hold)
    assert stage.run("continue", "fraud") == 0
    assert stage.store.get(at_gate).gates_opened.keys() == {0}
    assert stage.run("pause", "fraud") == 0
    assert stage.store.get(at_gate).command is not None


def test_a_way_back_that_is_stuck_is_begun_again(stage: RolloutStage) -> None:
    stage.store.fence(RUNNING, "alarm", "too many errors", NOW)
    queue = stage.heard()
    assert stage.run("abort", "fraud") == 0
    assert stage.event(queue)[0] == "RolloutAbortRequested"
    assert "too many errors" in stage.screen.getvalue()


@pytest.mark.parametrize(("outcome", "hint"), [("promoted", "sluice reject fraud/2"), ("rolled_back", "rolled_back")])
def test_an_abort_a_moment_after_the_close_says_so(
    stage: RolloutStage, monkeypatch: pytest.MonkeyPatch, outcome: str, hint: str
) -> None:
    fence = RecordStore.fence

    def closed_before(store: RecordStore, rollout_id: RolloutId, *given: Any) -> RolloutRecord:
        if outcome == "promoted":
            store.close_promoted(rollout_id, "promoted", NOW)
        else:
            store.close(rollout_id, "rolled_back", "it rang", NOW)
        return fence(store, rollout_id, *given)

    monkeypatch.setattr(RecordStore, "fence", closed_before)
    with pytest.raises(CommandError, match=hint):
        stage.run("abort", "fraud")
    assert "put back" not in stage.screen.getvalue()
    assert stage.history.entries(RUNNING) == []


def test_a_pause_is_refused_when_nothing_would_obey_it(stage: RolloutStage) -> None:
    """The version has no stages, and its fleet is replacing the old one already."""
    plan = make_plan(
        ModelSpec.parse(spec_with(("rollout.strategy", "all_at_once"))), Names("dev"), str(RUNNING), 2, None
    )
    stage.store.save_plan(RUNNING, plan, NOW)
    assert stage.run("pause", "fraud") == 0
    stage.run("resume", "fraud")
    stage.store.mark_requested(RUNNING, plan.candidate.config)
    with pytest.raises(CommandError, match=r"is provisioning.*too late to pause"):
        stage.run("pause", "fraud")


@pytest.mark.parametrize("words", ["abort frad", "pause frad", "continue frad", "history frad", "history frad/7"])
def test_a_mistyped_model_is_said_not_to_exist(stage: RolloutStage, words: str) -> None:
    with pytest.raises(NotFoundError, match="no model frad in stage dev; there are: none"):
        stage.run(*words.split())


@pytest.mark.parametrize("words", ["status", "pause", "abort", "train", "versions", "runs", "runs show"])
def test_a_version_where_a_model_is_wanted_is_refused(stage: RolloutStage, words: str) -> None:
    with pytest.raises(BadInputError, match=r"'fraud/7' is not a model; write a model's name, such as fraud"):
        stage.run(*words.split(), "fraud/7")
