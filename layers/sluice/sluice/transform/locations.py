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
