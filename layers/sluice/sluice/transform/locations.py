"""The locations of batch inference in the data bucket. Pure.

batch/<model>/input/                the input of scheduled runs, and of those that name no other folder
batch/<model>/<any other folder>/   the input of a run that names it
batch/<model>/manifests/<digest>    the files of a run: ``.json`` for Sluice, ``.manifest`` for SageMaker
batch/<model>/output/<job>/         the output of a run: ``<file>.out`` for each file
batch/<model>/prepared/<job>/       copies of a run's files without what no job can score; none where that is nothing
batch/<model>/set_aside/<job>/      the rows that were left out, with their reasons: ``<file>.jsonl``
batch/<model>/samples/<rollout>/    the rows on which a new version was compared, and both answers
"""

from __future__ import annotations

from sluice.rollout_id import RolloutId

MAX_KEY_BYTES = 1024
"""Of an object's key in UTF-8: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html."""

_RESERVED = ("manifests", "output", "prepared", "samples", "set_aside")


def input_folder(model: str) -> str:
    return f"batch/{model}/input/"


def manifest_key(model: str, digest: str) -> str:
    """Without its suffix."""
    return f"batch/{model}/manifests/{digest}"


def output_folder(model: str, job: str) -> str:
    return f"batch/{model}/output/{job}/"


def prepared_folder(model: str, job: str) -> str:
    return f"batch/{model}/prepared/{job}/"


def set_aside_folder(model: str, job: str) -> str:
    return f"batch/{model}/set_aside/{job}/"


def room_for_path(model: str, job: str, folder: str) -> int:
    """How many bytes the path of a file below its ``folder`` may have, so that all keys made of it are short enough."""
    # SageMaker may put the last part of the input's prefix before the path: its documents leave it open.
    last = max((folder, prepared_folder(model, job)), key=lambda each: len(_last_part(each).encode()))
    made = (
        prepared_folder(model, job),
        f"{set_aside_folder(model, job)}.jsonl",
        f"{output_folder(model, job)}{_last_part(last)}.out",
    )
    return MAX_KEY_BYTES - max(len(each.encode()) for each in made)


def _last_part(folder: str) -> str:
    """``b/`` of ``a/b/``."""
    return folder.removesuffix("/").rpartition("/")[2] + "/"


def sample_folder(rollout: RolloutId) -> str:
    return f"batch/{rollout.model}/samples/{rollout}/"


def chosen_folder(model: str, requested: str, bucket: str) -> str:
    """The folder that a run reads, as a key with a slash at its end; the default if ``requested`` is empty.

    Raises:
        ValueError: ``requested`` is no folder that the model's role may read.
    """
    if not requested:
        return input_folder(model)
    own = f"s3://{bucket}/batch/{model}/"
    folder = requested.rstrip("/") + "/"
    below = folder.removeprefix(own)
    if not folder.startswith(own) or not below:
        raise ValueError(f"input: {requested!r} is not below {own}, where alone the model may read")
    if below.partition("/")[0] in _RESERVED:
        raise ValueError(f"input: {requested!r} is where Sluice itself keeps {below.partition('/')[0]}")
    return folder.removeprefix(f"s3://{bucket}/")
