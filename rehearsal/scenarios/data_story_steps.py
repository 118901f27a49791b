"""The short story, about data: a first model, a broken file among good ones, and a model that misses the gate."""

from __future__ import annotations

from rehearsal.material.data import Dataset
from rehearsal.scenarios.story_steps import StoryContext, go_live, missed_gate, train_first_model

REFUSED_SECONDS = 60


def play_data_story(context: StoryContext) -> None:
    train_first_model(context)
    go_live(context)
    broken_file(context)
    missed_gate(context, context.training.upload("april.csv", context.uploads.mislabelled))


def broken_file(context: StoryContext) -> None:
    context.progress.begin("2 · A broken file among good ones")
    # Together, so that one settle window holds both.
    broken = context.training.upload("broken.csv", spoiled(context.uploads.first))
    good = context.training.upload("february.csv", context.uploads.newer)
    with context.progress.step(f"{broken.key} is refused") as step:
        refused = context.timeline.wait_for(
            f"{broken.key} to be refused",
            lambda event: event.kind == "DataRejected" and event.detail["key"] == broken.key,
            timeout_seconds=REFUSED_SECONDS,
        )
        step.note = refused.detail["reason"]
    run = context.training.run_of(good)
    s3, bucket = context.around.client("s3"), context.around.bucket()
    kept = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="quarantine/").get("Contents", [])]
    left = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="data/").get("Contents", [])]
    moved = broken.key.replace("data/", "quarantine/", 1)
    context.progress.check(
        "broken file",
        "in quarantine with its reason",
        ", ".join(kept) or "nothing in quarantine",
        right=kept == [moved, f"{moved}.reason.json"] and broken.key not in left,
    )
    context.progress.check(
        "the rest of the upload",
        "trained and registered as v2",
        f"{run.status}, version {run.version}; {run.failure[:160]}",
        right=(run.status, run.version) == ("Succeeded", 2),
    )


def spoiled(data: Dataset) -> Dataset:
    """The same rows, the first of which has a target that no contract allows."""
    first, *others = data.rows
    return Dataset(data.header, ((*first[:-1], "?"), *others))
