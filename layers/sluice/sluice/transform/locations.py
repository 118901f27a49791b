"""Where in the data bucket batch inference keeps what. Pure.

batch/<model>/input/                what scheduled runs score, and those that name no other place
batch/<model>/<any other folder>/   what a run may be pointed at
batch/<model>/manifests/<digest>    the files of a run: ``.json`` for Sluice, ``.manifest`` for SageMaker
batch/<model>/output/<job>/         what a run wrote: ``<file>.out`` for each file
batch/<model>/samples/<rollout>/    the rows on which a new version was compared, and both answers
"""

from __future__ import annotations

from sluice.rollout_id import RolloutId

_KEPT_FOR_SLUICE = ("manifests", "output", "samples")


def input_folder(model: str) -> str:
    return f"batch/{model}/input/"


def manifest_key(model: str, digest: str) -> str:
    """Without its ending."""
    return f"batch/{model}/manifests/{digest}"


def output_folder(model: str, job: str) -> str:
    return f"batch/{model}/output/{job}/"


def sample_folder(rollout: RolloutId) -> str:
    return f"batch/{rollout.model}/samples/{rollout}/"


def chosen_folder(model: str, asked: str, bucket: str) -> str:
    """The folder a run reads, as a key with a slash at its end; the usual one if ``asked`` is empty.

    Raises:
        ValueError: ``asked`` is no folder that the model's role may read.
    """
    if not asked:
        return input_folder(model)
    own = f"s3://{bucket}/batch/{model}/"
    folder = asked.rstrip("/") + "/"
    below = folder.removeprefix(own)
    if not folder.startswith(own) or not below:
        raise ValueError(f"input: {asked!r} is not below {own}, where alone the model may read")
    if below.partition("/")[0] in _KEPT_FOR_SLUICE:
        raise ValueError(f"input: {asked!r} is where Sluice itself keeps {below.partition('/')[0]}")
    return folder.removeprefix(f"s3://{bucket}/")
