"""``sluice outcome`` sends what any client would, and refuses here what nobody could count."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sluice.names import Names
from sluice.rollout.ab_outcomes.outcome import InferenceOutcome

from cli.failures import BadInputError, CommandError
from cli.main import command_line
from cli.output import PlainOutput
from cli.session import CliSession

STACK = json.dumps({"bucket": "b", "table": "t", "pipeline_role_arn": "arn:aws:iam::1:role/p"})


class Aws:
    """A stack that is deployed, and a bus that takes events or does not."""

    def __init__(self, failed: int = 0) -> None:
        self.failed = failed
        self.entries: list[dict[str, Any]] = []

    def get_parameter(self, Name: str) -> dict[str, Any]:
        return {"Parameter": {"Value": STACK}}

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": self.failed, "Entries": [{"ErrorMessage": "slow down"}]}


def run(aws: Aws, *words: str) -> str:
    screen = io.StringIO()
    session = CliSession(
        names=Names("dev"),
        clients=lambda _service: aws,
        out=PlainOutput(screen),
        now=lambda: datetime(2026, 3, 4, tzinfo=UTC),
        sleep=lambda _seconds: None,
    )
    arguments = command_line({}).parse_args(["outcome", "fraud", "--inference-id", "order-1", *words])
    assert arguments.run(arguments, session) == 0
    return screen.getvalue()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--variant", "v7", "--value", "1"], {"variant": "v7", "metric": "conversion", "value": 1.0}),
        (
            ["--version", "7", "--value", "12.5", "--metric", "spent"],
            {"version": 7, "metric": "spent", "value": 12.5},
        ),
    ],
)
def test_an_outcome_is_sent_as_clients_send_it(words: list[str], wanted: dict[str, Any]) -> None:
    aws = Aws()
    assert "of order-1 is sent" in run(aws, *words)
    (entry,) = aws.entries
    assert (entry["Source"], entry["DetailType"]) == ("sluice.outcomes", "InferenceOutcome")
    detail = json.loads(entry["Detail"])
    assert detail == {"model": "fraud", "inference_id": "order-1", **wanted}
    assert InferenceOutcome.parse(detail).value == wanted["value"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--variant", "v7", "--value", "nan"], "value is nan; allowed"),
        (["--variant", "v7", "--value", "1", "--metric", "latency"], "metric is 'latency'; allowed"),
        (["--version", "0", "--value", "1"], "version is 0; allowed"),
    ],
)
def test_what_could_not_be_counted_is_bad_input_and_not_sent(words: list[str], reason: str) -> None:
    aws = Aws()
    with pytest.raises(BadInputError, match=reason):
        run(aws, *words)
    assert aws.entries == []


def test_a_bus_that_refuses_is_reported() -> None:
    with pytest.raises(CommandError, match="did not take the outcome: slow down"):
        run(Aws(failed=1), "--variant", "v7", "--value", "1")


def test_it_has_to_be_said_who_answered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(Aws(), "--value", "1")
    assert "--variant --version" in capsys.readouterr().err
