"""``sluice batch`` asks for runs and shows them; ``apply`` keeps their schedule, ``status`` misses no endpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sluice.batch.events import BatchRequested
from sluice.batch.run import BatchRun
from sluice.errors import AwsRefusedError
from sluice.rollout.model.plan import Engine
from sluice.rollout.model.record import RolloutRecord
from sluice.spec.model import ModelSpec, Schedule

from cli.apply.schedules import schedule_change, wanted_schedules
from cli.failures import BadInputError, CommandError, NotFoundError
from cli.inference.batch_view import batch_status
from cli.main import command_line
from cli.session import Stack, read_stack
from tests.builders.aws_clients import client_error
from tests.builders.fake_aws import BUCKET, START, FakeAws
from tests.fakes.batch_world import BATCH_SPEC, batch_world

RUN = BatchRun(
    job="sluice-dev-fraud-20260304t020000-5f7200",
    model="fraud",
    request="schedule",
    requested_at=START,
    phase="completed",
    folder="batch/fraud/input/",
    version=3,
    files=2,
    size=34,
    rows_in=5,
    rows_out=5,
    seconds=1800.0,
    estimated_usd=0.115,
)


class FakeEventBridge:
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.entries += Entries
        return {"FailedEntryCount": 0}


class FakeScheduler:
    def __init__(self) -> None:
        self.schedules: dict[str, dict[str, Any]] = {}

    def get_schedule(self, *, GroupName: str, Name: str) -> dict[str, Any]:
        if Name not in self.schedules:
            raise client_error("GetSchedule", "ResourceNotFoundException")
        return self.schedules[Name]

    def create_schedule(self, **request: Any) -> None:
        self.schedules[request["Name"]] = request

    update_schedule = create_schedule

    def delete_schedule(self, *, GroupName: str, Name: str) -> None:
        del self.schedules[Name]


class BatchAws(FakeAws):
    """With a batch model, and what batch commands use besides."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events, self.scheduler = FakeEventBridge(), FakeScheduler()
        self.ssm.parameters["/sluice/dev/models/fraud"] = BATCH_SPEC.stored()
        stack = json.loads(self.ssm.parameters["/sluice/dev/stack"])
        more = {
            "schedule_group": "sluice-dev",
            "start_batch_arn": "arn:…:start-batch",
            "batch_schedule_role_arn": "arn:…:role",
        }
        self.ssm.parameters["/sluice/dev/stack"] = json.dumps(stack | more)

    def client(self, service: str) -> Any:
        own = {"events": self.events, "scheduler": self.scheduler}
        return own.get(service) or super().client(service)

    def keep(self, run: BatchRun) -> None:
        item = {"pk": f"MODEL#{run.model}", "sk": f"BATCH#{run.job}", "phase": run.phase}
        item["run"] = json.dumps(run.to_json())
        self.dynamodb.items.append({name: {"S": value} for name, value in item.items()})

    def run(self, *words: str, output: str = "text") -> int:
        arguments = command_line({}).parse_args(["batch", *words])
        return int(arguments.run(arguments, self.session(output)))


@pytest.fixture
def aws() -> BatchAws:
    return BatchAws()


def test_start_asks_for_a_run_and_names_the_job_it_becomes(aws: BatchAws) -> None:
    folder = f"s3://{BUCKET}/batch/fraud/backfill/"
    assert aws.run("start", "fraud", "--input", folder, output="json") == 0
    (entry,) = aws.events.entries
    requested = BatchRequested.parse({"detail": json.loads(entry["Detail"])})
    assert (entry["Source"], entry["DetailType"]) == ("sluice", "BatchRequested")
    assert (requested.model, requested.input, json.loads(entry["Detail"])["stage"]) == ("fraud", folder, "dev")
    job = aws.session().names.batch_job(requested.model, requested.at, requested.request)
    assert json.loads(aws.shown) == {"job": job, "request": requested.request}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("start", "fraud", "--input", "s3://elsewhere/x/"), f"is not below s3://{BUCKET}/batch/fraud/"),
        (("start", "fraud", "--input", f"s3://{BUCKET}/batch/fraud/output/x"), "Sluice itself keeps output"),
    ],
)
def test_a_folder_that_the_model_may_not_read_is_refused_here(
    aws: BatchAws, words: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(BadInputError, match="--input") as refusal:
        aws.run(*words)
    assert problem in str(refusal.value)
    assert aws.events.entries == []


def test_a_model_with_an_endpoint_scores_no_files(aws: BatchAws) -> None:
    spec = replace(BATCH_SPEC, endpoint=replace(BATCH_SPEC.endpoint, type="real-time"))
    aws.ssm.parameters["/sluice/dev/models/fraud"] = spec.stored()
    with pytest.raises(BadInputError, match=r"endpoint\.type of fraud is real-time"):
        aws.run("list", "fraud")


def test_runs_are_listed_and_shown(aws: BatchAws) -> None:
    skipped = replace(RUN, job=RUN.job.replace("t02", "t03"), phase="skipped", rows_in=None, reason="no file below …")
    aws.keep(RUN)
    aws.keep(skipped)
    aws.run("list", "fraud", output="json")
    assert [one["phase"] for one in json.loads(aws.shown)["runs"]] == ["skipped", "completed"]
    other = BatchAws()
    other.keep(RUN)
    other.run("show", "fraud", "5f7200")
    for part in ("completed", "version 3", "2 files, 34 bytes", "rows    5", "about $0.1150", f"output/{RUN.job}/"):
        assert part in other.shown


def test_rows_that_were_set_aside_are_told_beside_those_that_were_scored(aws: BatchAws) -> None:
    aws.keep(replace(RUN, rows_set_aside=2))
    aws.run("show", "fraud")
    assert "rows    5\n" in aws.shown
    assert f"left out 2 rows, with their reasons in s3://{BUCKET}/batch/fraud/set_aside/{RUN.job}/" in aws.shown
    aws = BatchAws()
    aws.keep(replace(RUN, rows_set_aside=2))
    aws.run("list", "fraud")
    assert "5 (2 set aside)" in aws.shown


def test_a_run_that_is_not_there(aws: BatchAws) -> None:
    with pytest.raises(NotFoundError, match="no batch run 123 of fraud"):
        aws.run("show", "fraud", "123")


def changed(aws: BatchAws, spec: ModelSpec) -> list[str]:
    """Apply the schedules of a spec; what was said of each."""
    session = aws.session()
    verdicts = []
    for wanted in wanted_schedules(session, read_stack(session), spec):
        verdict, make = schedule_change(session, read_stack(session), wanted)
        verdicts.append(verdict)
        if make:
            make()
    return verdicts


def scheduled(when: str | None) -> ModelSpec:
    schedule = Schedule(when=when, timezone="Europe/Berlin") if when else None
    batch = replace(BATCH_SPEC.endpoint.batch, schedule=schedule)
    return replace(BATCH_SPEC, endpoint=replace(BATCH_SPEC.endpoint, batch=batch))


def test_the_batch_schedule_follows_the_spec(aws: BatchAws) -> None:
    sunday = "cron(0 2 ? * SUN *)"
    assert changed(aws, scheduled(None)) == ["", ""]
    assert changed(aws, scheduled(sunday)) == ["", "created"]
    made = aws.scheduler.schedules["sluice-dev-fraud.batch"]
    assert (made["ScheduleExpression"], made["ScheduleExpressionTimezone"]) == (sunday, "Europe/Berlin")
    assert (made["Target"]["Arn"], made["Target"]["RoleArn"]) == ("arn:…:start-batch", "arn:…:role")
    fired = made["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2026-03-08T01:00:00Z")
    requested = BatchRequested.parse(json.loads(fired))
    assert (requested.model, requested.input, f"{requested.at:%d %H}") == ("fraud", "", "08 01")
    assert changed(aws, scheduled(sunday)) == ["", "unchanged"]
    assert changed(aws, scheduled("rate(1 day)")) == ["", "changed"]
    elsewhere = scheduled("rate(1 day)")
    real_time = replace(elsewhere, endpoint=replace(elsewhere.endpoint, type="real-time"))
    assert changed(aws, real_time) == ["", "deleted"], "another type leaves the section where it is"


def test_a_stack_without_batch_has_to_be_deployed_again(aws: BatchAws) -> None:
    stack = Stack(bucket=BUCKET, table="t", pipeline_role_arn="r", schedule_group="sluice-dev")
    *_, batch = wanted_schedules(aws.session(), stack, scheduled("rate(1 day)"))
    with pytest.raises(CommandError, match="no batch schedules yet"):
        schedule_change(aws.session(), stack, batch)


def test_other_errors_of_the_scheduler_are_not_taken_for_its_absence(
    aws: BatchAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_request: str) -> None:
        raise client_error("GetSchedule", "AccessDeniedException")

    monkeypatch.setattr(aws.scheduler, "get_schedule", denied)
    with pytest.raises(AwsRefusedError):
        changed(aws, scheduled(None))


def test_status_tells_a_batch_model_by_its_last_promotion() -> None:
    def promoted(version: int, engine: Engine) -> RolloutRecord:
        world = batch_world(live=version)
        (record,) = world.ports.store.rollouts("fraud")
        return replace(record, plan=replace(record.planned(), engine=engine))

    found = batch_status([promoted(3, "batch")], [RUN])
    assert found is not None
    assert (found.version, found.last) == (3, "last run completed")
    assert batch_status([promoted(3, "create")], []) is None
    assert batch_status([], []) is None
