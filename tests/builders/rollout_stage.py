"""A stage with a table and rollouts in moto's memory, and the ``sluice`` command on it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import boto3
from sluice.aws.dynamodb import Table
from sluice.names import Names
from sluice.rollout.model.endpoint_lock import EndpointLocks
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.model.store import RecordStore
from sluice.rollout_id import RolloutId

from cli.main import command_line
from cli.output import PlainOutput
from cli.session import CliSession
from tests.builders.aws_clients import translating

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
RUNNING = RolloutId(model="fraud", version=2, attempt=1)


class RolloutStage:
    """A stage with a table and one rollout that bakes, in moto's memory."""

    def __init__(self) -> None:
        self.screen = io.StringIO()
        self.clients = {name: self._client(name) for name in ("dynamodb", "ssm", "sts", "events", "sqs", "sagemaker")}
        keys = (("pk", "HASH"), ("sk", "RANGE"))
        self.clients["dynamodb"].create_table(
            TableName="the-table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
        stack = {"bucket": "b", "table": "the-table", "pipeline_role_arn": "arn:aws:iam::1:role/p"}
        self.clients["ssm"].put_parameter(Name="/sluice/dev/stack", Value=json.dumps(stack), Type="String")
        table = Table(self.clients["dynamodb"], "the-table")
        self.store, self.history, self.locks = RecordStore(table), HistoryStore(table), EndpointLocks(table)
        self.open(RUNNING)
        self.store.advance(RUNNING, "baking", stage=0)

    def open(self, rollout_id: RolloutId, *, urgent: bool = False) -> None:
        self.store.open(
            RolloutRecord(
                id=rollout_id,
                package_arn=f"arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/{rollout_id.version}",
                endpoint="sluice-dev-fraud",
                phase="queued",
                opened_at=NOW,
                approved_at=NOW,
                urgent=urgent,
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
        return translating(boto3.client(name, "us-east-1", aws_access_key_id="a", aws_secret_access_key="b"))

    def heard(self) -> str:
        """The URL of a queue that gets every event of ours from now on."""
        queue = str(self.clients["sqs"].create_queue(QueueName="events")["QueueUrl"])
        wanted = self.clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.clients["events"].put_rule(Name="all", EventPattern=json.dumps({"source": ["sluice"]}))
        target = {"Id": "q", "Arn": wanted["Attributes"]["QueueArn"]}
        self.clients["events"].put_targets(Rule="all", Targets=[target])
        return queue

    def event(self, queue: str) -> tuple[str, dict[str, Any]]:
        """The next event in a queue: what it is, and its detail."""
        body = json.loads(self.clients["sqs"].receive_message(QueueUrl=queue)["Messages"][0]["Body"])
        return body["detail-type"], body["detail"]
