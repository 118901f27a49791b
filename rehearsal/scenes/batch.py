"""Batch: 100,000 rows on two instances by the clock, then newer versions, each compared on a sample first.

Every row begins with an id of its own, which the model does not get. So what was lost, doubled or swapped would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import isfinite

from rehearsal.drivers.timeline import Event
from rehearsal.material.flaws import disagreeing, failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.stage import Stage

ROWS, FILES, SMALL = 100_000, 4, 500
SAMPLE_ROWS = 200
DIFFERENT_BY = 0.25
SETTINGS = {
    "instance_count": 2,
    "max_payload_mb": 20,
    "max_concurrent_transforms": 2,
    "input_filter": "$[1:]",
    "sample_rows": SAMPLE_ROWS,
}
APPLIED_WITHIN = timedelta(seconds=15)
ENDS = ("BatchCompleted", "BatchFailed", "BatchSkipped")


def play(stage: Stage) -> None:
    stage.apply(endpoint={"type": "batch", "batch": SETTINGS}, rollout={"strategy": "auto"})
    first = stage.release()
    stage.outcome_of(first)
    lines = [f"id{number},{row}" for number, row in enumerate(islice(stage.rows(), ROWS))]
    _upload(stage, "input", lines)
    _by_the_clock(stage, lines, first)

    second = stage.release(disagreeing(DIFFERENT_BY))
    stage.outcome_of(second)
    check_comparison(stage, first, second)
    run_by_command(stage, lines[:SMALL], second)

    bad = stage.release(failing())
    ended = stage.outcome_of(bad)
    package = stage.package(bad)
    stage.check(
        "failing version",
        f"rejected with the reason; version {second} stays",
        f"{ended.kind}: {ended.detail.get('reason', '')[:120]}; {package['ModelApprovalStatus']}",
        right=ended.kind == "RolloutRolledBack"
        and "could not score the sample" in ended.detail["reason"]
        and package["ModelApprovalStatus"] == "Rejected"
        and f"version {second} scores files" in stage.sluice("status", stage.model),
    )


def _by_the_clock(stage: Stage, lines: Sequence[str], version: int) -> None:
    """One run that a schedule starts, over all rows."""
    due = _schedule(stage)
    with stage.step(f"{len(lines):,} rows at {due:%H:%M} UTC") as step:
        ended = stage.wait_for("the scheduled run to end", lambda event: event.kind in ENDS)
        step.note = f"{ended.kind} {ended.detail.get('reason', '')} {ended.detail.get('seconds', '')} s"
    told = ended.detail
    stage.check(
        "scheduled run",
        f"{ROWS} rows in, {ROWS} out, scored by version {version}",
        f"{ended.kind} {told.get('reason', '')}: {told.get('rows_in')} in, {told.get('rows_out')} out, "
        f"version {told.get('version')}, about ${told.get('estimated_usd')}",
        right=ended.kind == "BatchCompleted"
        and (told["rows_in"], told["rows_out"], told["version"]) == (ROWS, ROWS, version),
    )
    answers = _output(stage, ended)
    joined = [line.rsplit(",", 1) for line in answers]
    right = [row for row, _ in joined] == list(lines)
    stage.check(
        "output",
        "every row with its answer, in order, none lost",
        f"{len(joined)} rows, " + ("in order" if right else "not those that went in"),
        right=right and all(isfinite(float(answer)) for _, answer in joined),
    )
    job = stage.client("sagemaker").describe_transform_job(TransformJobName=told.get("job", ""))
    count = job["TransformResources"]["InstanceCount"]
    stage.check("transform job", "2 instances", f"{count} instances", right=count == 2)


def _schedule(stage: Stage) -> datetime:
    """A minute to come, in the spec's schedule; a later one if the command took until then."""
    while True:
        due = (datetime.now(UTC) + APPLIED_WITHIN).replace(second=0, microsecond=0) + timedelta(minutes=1)
        schedule = {"when": f"cron({due.minute} {due.hour} * * ? *)", "timezone": "UTC"}
        stage.apply(
            endpoint={"type": "batch", "batch": {**SETTINGS, "schedule": schedule}}, rollout={"strategy": "auto"}
        )
        if datetime.now(UTC) < due:
            return due


def check_comparison(stage: Stage, first: int, second: int) -> None:
    # The promotion may be delivered first: EventBridge keeps no order. An event may also be delivered twice.
    compared = stage.wait_for(
        f"version {second} to be compared",
        lambda event: event.kind == "BatchVersionCompared" and event.detail["version"] == second,
    )
    difference = compared.detail["difference"]
    stage.check(
        "second version",
        f"compared with version {first} on {SAMPLE_ROWS} rows, {DIFFERENT_BY:+g} on average, then the one in use",
        f"{difference['rows']} rows, {difference['mean_difference']:+.3f} on average, "
        f"{difference['failures']} failures, versions {compared.detail['current_version']} and "
        f"{compared.detail['version']}",
        right=(difference["rows"], difference["failures"]) == (SAMPLE_ROWS, 0)
        and abs(difference["mean_difference"] - DIFFERENT_BY) < 1e-3
        and (compared.detail["current_version"], compared.detail["version"]) == (first, second),
    )


def run_by_command(stage: Stage, lines: Sequence[str], version: int) -> None:
    """One run that a person starts, over a folder of their own."""
    _upload(stage, "small", lines)
    folder = f"s3://{stage.around.bucket()}/batch/{stage.model}/small/"
    with stage.step("sluice batch start --input … --wait"):
        shown = stage.sluice("batch", "start", stage.model, "--input", folder, "--wait")
    # The command reads the run from the table. Its event is still on its way to whoever listens.
    ended = stage.wait_for(
        "the run by command to end", lambda event: event.kind in ENDS and event.detail["input"] == folder
    )
    rows, by = ended.detail.get("rows_out"), ended.detail.get("version")
    stage.check(
        "run by command",
        f"{len(lines)} rows scored by version {version}",
        f"{ended.kind}: {rows} rows, version {by}; {shown.splitlines()[-1]}",
        right=ended.kind == "BatchCompleted" and (rows, by) == (len(lines), version),
    )


def _upload(stage: Stage, folder: str, lines: Sequence[str]) -> None:
    share = len(lines) // FILES
    with stage.step(f"upload {len(lines):,} rows in {FILES} files to batch/{stage.model}/{folder}/"):
        for part in range(FILES):
            text = "\n".join(lines[part * share : (part + 1) * share])
            stage.client("s3").put_object(
                Bucket=stage.around.bucket(), Key=f"batch/{stage.model}/{folder}/part-{part}.csv", Body=text.encode()
            )


def _output(stage: Stage, ended: Event) -> list[str]:
    """The rows of all answers, in the order of their files."""
    s3, bucket = stage.client("s3"), stage.around.bucket()
    prefix = ended.detail.get("output", "").removeprefix(f"s3://{bucket}/")
    keys = sorted(each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []))
    texts = (s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)
    return [line for text in texts for line in text.splitlines()]


SCENE = Scene(name="batch", about="files by the clock; newer versions compared on a sample first", play=play)
