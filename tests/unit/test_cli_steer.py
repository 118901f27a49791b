"""``pause``, ``resume``, ``promote``, ``abort`` and ``history`` reach the record of the rollout that is under way."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sluice.names import Names
from sluice.rollout import RolloutId, RolloutRecord
from sluice.store import Store
from sluice.table import Table

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.main import command_line
from cli.output import PlainOutput
from cli.session import CliSession

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
RUNNING = RolloutId(model="fraud", version=2, attempt=1)


class Stage:
    """A stage with a table and one rollout that bakes, in moto's memory."""

    def __init__(self) -> None:
        self.screen = io.StringIO()
        self.clients = {name: self._client(name) for name in ("dynamodb", "ssm", "sts", "events", "sqs")}
        keys = (("pk", "HASH"), ("sk", "RANGE"))
        self.clients["dynamodb"].create_table(
            TableName="the-table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        stack = {"bucket": "b", "table": "the-table", "pipeline_role_arn": "arn:aws:iam::1:role/p"}
        self.clients["ssm"].put_parameter(Name="/sluice/dev/stack", Value=json.dumps(stack), Type="String")
        self.store = Store(Table(self.clients["dynamodb"], "the-table"))
        self.open(RUNNING)
        self.store.advance(RUNNING, "baking", stage=0)

    def open(self, rollout_id: RolloutId) -> None:
        self.store.open(
            RolloutRecord(
                id=rollout_id,
                package_arn="arn:aws:sagemaker:us-east-1:1:model-package/sluice-dev-fraud/2",
                endpoint="sluice-dev-fraud",
                phase="queued",
                opened_at=NOW,
                approved_at=NOW,
            )
        )

    def run(self, *words: str) -> int:
        session = CliSession(
            names=Names("dev"),
            clients=self.clients.__getitem__,
            out=PlainOutput(self.screen),
            now=lambda: NOW,
            sleep=lambda _seconds: None,
        )
        arguments = command_line({}).parse_args(words)
        return int(arguments.run(arguments, session))

    @staticmethod
    def _client(name: str) -> Any:
        return boto3.client(name, "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with mock_aws():
        yield Stage()


@pytest.mark.parametrize("kind", ["pause", "resume", "promote"])
def test_a_command_is_kept_with_who_and_why(stage: Stage, kind: str) -> None:
    assert stage.run(kind, "fraud", "--reason", "launch day") == 0
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert (command.kind, command.reason) == (kind, "launch day")
    assert command.by.startswith("arn:aws:")
    assert [line["text"] for line in stage.store.history(RUNNING)] == [str(command)]


def test_the_last_word_counts(stage: Stage) -> None:
    stage.run("pause", "fraud")
    stage.run("resume", "fraud")
    command = stage.store.get(RUNNING).command
    assert command is not None
    assert command.kind == "resume"


def test_a_rollout_that_runs_is_meant_before_one_that_waits(stage: Stage) -> None:
    waiting = RolloutId(model="fraud", version=1, attempt=9)
    stage.open(waiting)
    stage.run("pause", "fraud")
    assert stage.store.get(RUNNING).command is not None
    assert stage.store.get(waiting).command is None


def test_aborting_fences_first_and_then_asks_for_the_weights(stage: Stage) -> None:
    queue = stage.clients["sqs"].create_queue(QueueName="events")["QueueUrl"]
    arn = stage.clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    stage.clients["events"].put_rule(Name="all", EventPattern=json.dumps({"source": ["sluice"]}))
    stage.clients["events"].put_targets(Rule="all", Targets=[{"Id": "q", "Arn": arn}])
    assert stage.run("abort", "fraud", "--reason", "wrong data") == 0
    fence = stage.store.get(RUNNING).fence
    assert fence is not None
    assert fence.kind == "aborted"
    assert "wrong data" in fence.reason
    event = json.loads(stage.clients["sqs"].receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert (event["detail-type"], event["detail"]) == ("RolloutAbortRequested", {"rollout": "fraud-2-1"})


def test_nothing_can_be_said_to_a_rollout_that_is_taken_back(stage: Stage) -> None:
    stage.run("abort", "fraud")
    with pytest.raises(CommandError, match="taken back"):
        stage.run("promote", "fraud")


def test_without_a_rollout_there_is_nothing_to_steer(stage: Stage) -> None:
    stage.store.close(RUNNING, "rolled_back", "x", NOW)
    with pytest.raises(NotFoundError, match="No rollout of fraud is under way"):
        stage.run("pause", "fraud")


def test_a_reason_that_is_too_long_is_refused(stage: Stage) -> None:
    with pytest.raises(BadInputError, match="512"):
        stage.run("pause", "fraud", "--reason", "x" * 513)


def test_history_shows_what_was_said_and_seen(stage: Stage) -> None:
    stage.run("pause", "fraud", "--reason", "launch day")
    assert stage.run("history", "fraud") == 0
    assert "fraud-2-1  baking" in stage.screen.getvalue()
    assert "launch day" in stage.screen.getvalue()
    with pytest.raises(NotFoundError, match="has had no rollout"):
        stage.run("history", "prices")


def test_history_shows_the_evidence_of_each_look(stage: Stage) -> None:
    numbers = {"harm": 0.2, "harm_needed": 3.44, "safe": 1.5, "safe_needed": 3.0, "requests_needed": 1200}
    findings = [
        {"name": "alarm", "answer": "ABSTAIN", "reason": "quiet", "numbers": {}},
        {"name": "errors", "answer": "HOLD", "reason": "not proven yet", "numbers": numbers},
    ]
    stage.store.note(RUNNING, "look-1", "hold: errors: not proven yet", NOW, stage=0, findings=findings)
    stage.run("history", "fraud")
    assert "alarm ABSTAIN" in stage.screen.getvalue()
    assert "errors HOLD, harm 1.2 of 31, safety 4.5 of 20, about 1,200 more requests needed" in stage.screen.getvalue()


def test_history_is_of_the_rollout_opened_last_even_of_an_older_version(stage: Stage) -> None:
    back = RolloutId(model="fraud", version=1, attempt=9)
    stage.store.open(replace(stage.store.get(RUNNING), id=back, opened_at=NOW + timedelta(minutes=1)))
    stage.run("history", "fraud")
    assert "fraud-1-9" in stage.screen.getvalue()
