"""Which container images the local AWS plays: another image would run other code, so nothing stands for it."""

from __future__ import annotations

import re
from enum import StrEnum

# Repository and tag, in whatever registry: each Region has its own, and people copy images to theirs. The tags that end
# in -cpu-py3 are what the SageMaker SDK asks for, the short ones are aliases of the same images.
_XGBOOST = r"sagemaker-xgboost:3\.0-5(-cpu-py3)?"
_SCIKIT_LEARN = r"sagemaker-scikit-learn:1\.2-1(-cpu-py3)?"


class ImageUse(StrEnum):
    """What an image is wanted for."""

    PROCESSING = "processing"
    SERVING = "serving"
    TRAINING = "training"


_PLAYED = {
    ImageUse.PROCESSING: re.compile(rf".+/({_XGBOOST}|{_SCIKIT_LEARN})"),
    ImageUse.SERVING: re.compile(rf".+/{_XGBOOST}"),
    ImageUse.TRAINING: re.compile(rf".+/{_XGBOOST}"),
}
_NAMES = {
    ImageUse.PROCESSING: "sagemaker-xgboost:3.0-5 and sagemaker-scikit-learn:1.2-1",
    ImageUse.SERVING: "sagemaker-xgboost:3.0-5",
    ImageUse.TRAINING: "sagemaker-xgboost:3.0-5",
}


class ImageError(Exception):
    """The image is none that is played; the text is a FailureReason that names it."""


def require_played_image(uri: str, use: ImageUse) -> None:
    """Raise ImageError when the interpreter we have cannot stand for ``uri``.

    CreateModel and the jobs accept any image, as AWS does: it turns out when a container is started. There SageMaker
    would fail to pull an image that does not exist; here an image that does exist fails in the same place.
    """
    if not _PLAYED[use].fullmatch(uri):
        raise ImageError(f"ClientError: For {use} the local AWS has the image {_NAMES[use]} and no other, not {uri}")
