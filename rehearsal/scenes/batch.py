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
from rehearsal.scenarios.scene_context import SceneContext

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
FORGIVING = {"header": True, "on_bad_rows": "set_aside"}
APPLIED_WITHIN = timedelta(seconds=15)
ENDS = ("BatchCompleted", "BatchFailed", "BatchSkipped")


def play(context: SceneContext) -> None:
    context.apply(endpoint={"type": "batch", "batch": SETTINGS}, rollout={"strategy": "auto"})
    first = context.release()
    context.outcome_of(first)
    lines = [f"id{number},{row}" for number, row in enumerate(islice(context.rows(), ROWS))]
    _upload(context, "input", lines)
    _by_the_clock(context, lines, first)

    second = context.release(disagreeing(DIFFERENT_BY))
    context.outcome_of(second)
    check_comparison(context, first, second)
    context.apply(endpoint={"type": "batch", "batch": {**SETTINGS, **FORGIVING}}, rollout={"strategy": "auto"})
    run_by_command(context, lines[:SMALL], second)

    bad = context.release(failing())
    ended = context.outcome_of(bad)
    package = context.package(bad)
    context.check(
        "failing version",
        f"rejected with the reason; version {second} stays",
        f"{ended.kind}: {ended.detail.get('reason', '')[:120]}; {package['ModelApprovalStatus']}",
        right=ended.kind == "RolloutRolledBack"
        and "could not score the sample" in ended.detail["reason"]
        and package["ModelApprovalStatus"] == "Rejected"
        and f"version {second} scores files" in context.sluice("status", context.model),
    )


def _by_the_clock(context: SceneContext, lines: Sequence[str], version: int) -> None:
    """One run that a schedule starts, over all rows."""
    due = _schedule(context)
    with context.step(f"{len(lines):,} rows at {due:%H:%M} UTC") as step:
        ended = context.wait_for("the scheduled run to end", lambda event: event.kind in ENDS)
        step.note = f"{ended.kind} {ended.detail.get('reason', '')} {ended.detail.get('seconds', '')} s"
    detail = ended.detail
    context.check(
        "scheduled run",
        f"{ROWS} rows in, {ROWS} out, scored by version {version}",
        f"{ended.kind} {detail.get('reason', '')}: {detail.get('rows_in')} in, {detail.get('rows_out')} out, "
        f"version {detail.get('version')}, about ${detail.get('estimated_usd')}",
        right=ended.kind == "BatchCompleted"
        and (detail["rows_in"], detail["rows_out"], detail["version"]) == (ROWS, ROWS, version),
    )
    answers = _output(context, ended)
    joined = [line.rsplit(",", 1) for line in answers]
    right = [row for row, _ in joined] == list(lines)
    context.check(
        "output",
        "every row with its answer, in order, none lost",
        f"{len(joined)} rows, " + ("in order" if right else "not those that went in"),
        right=right and all(isfinite(float(answer)) for _, answer in joined),
    )
    job = context.client("sagemaker").describe_transform_job(TransformJobName=detail.get("job", ""))
    count = job["TransformResources"]["InstanceCount"]
    context.check("transform job", "2 instances", f"{count} instances", right=count == 2)


def _schedule(context: SceneContext) -> datetime:
    """A minute to come, in the spec's schedule; a later one if the command took until then."""
    while True:
        due = (datetime.now(UTC) + APPLIED_WITHIN).replace(second=0, microsecond=0) + timedelta(minutes=1)
        schedule = {"when": f"cron({due.minute} {due.hour} * * ? *)", "timezone": "UTC"}
        context.apply(
            endpoint={"type": "batch", "batch": {**SETTINGS, "schedule": schedule}}, rollout={"strategy": "auto"}
        )
        if datetime.now(UTC) < due:
            return due


def check_comparison(context: SceneContext, first: int, second: int) -> None:
    # The promotion may be delivered first: EventBridge keeps no order. An event may also be delivered twice.
    compared = context.wait_for(
        f"version {second} to be compared",
        lambda event: event.kind == "BatchVersionCompared" and event.detail["version"] == second,
    )
    difference = compared.detail["difference"]
    context.check(
        "second version",
        f"compared with version {first} on {SAMPLE_ROWS} rows, {DIFFERENT_BY:+g} on average, then the one in use",
        f"{difference['rows']} rows, {difference['mean_difference']:+.3f} on average, "
        f"{difference['failures']} failures, versions {compared.detail['current_version']} and "
        f"{compared.detail['version']}",
        right=(difference["rows"], difference["failures"]) == (SAMPLE_ROWS, 0)
        and abs(difference["mean_difference"] - DIFFERENT_BY) < 1e-3
        and (compared.detail["current_version"], compared.detail["version"]) == (first, second),
    )


def run_by_command(context: SceneContext, lines: Sequence[str], version: int) -> None:
    """One run that a person starts, over a folder of their own: with titles, and with a row that no job can score."""
    _upload(context, "small", lines, head="id,row\n", tail='\nid-bad,"never closed')
    folder = f"s3://{context.around.bucket()}/batch/{context.model}/small/"
    with context.step("sluice batch start --input … --wait"):
        shown = context.sluice("batch", "start", context.model, "--input", folder, "--wait")
    # The command reads the run from the table. Its event is still on its way to whoever listens.
    ended = context.wait_for(
        "the run by command to end", lambda event: event.kind in ENDS and event.detail["input"] == folder
    )
    rows, by = ended.detail.get("rows_out"), ended.detail.get("version")
    context.check(
        "run by command",
        f"{len(lines)} rows scored by version {version}, {FILES} set aside",
        f"{ended.kind} {ended.detail.get('reason', '')}: {rows} rows, version {by}, "
        f"{ended.detail.get('rows_set_aside')} set aside; {shown.splitlines()[-1]}",
        right=ended.kind == "BatchCompleted"
        and (rows, by, ended.detail["rows_set_aside"]) == (len(lines), version, FILES),
    )


def _upload(context: SceneContext, folder: str, lines: Sequence[str], head: str = "", tail: str = "") -> None:
    share = len(lines) // FILES
    with context.step(f"upload {len(lines):,} rows in {FILES} files to batch/{context.model}/{folder}/"):
        for part in range(FILES):
            text = "\n".join(lines[part * share : (part + 1) * share])
            context.client("s3").put_object(
                Bucket=context.around.bucket(),
                Key=f"batch/{context.model}/{folder}/part-{part}.csv",
                Body=(head + text + tail).encode(),
            )


def _output(context: SceneContext, ended: Event) -> list[str]:
    """The rows of all answers, in the order of their files."""
    s3, bucket = context.client("s3"), context.around.bucket()
    prefix = ended.detail.get("output", "").removeprefix(f"s3://{bucket}/")
    keys = sorted(each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []))
    texts = (s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)
    return [line for text in texts for line in text.splitlines()]


SCENE = Scene(name="batch", about="files by the clock; newer versions compared on a sample first", play=play)
