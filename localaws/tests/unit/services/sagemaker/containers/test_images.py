"""Which images are played, for which use."""

import pytest

from localaws.services.sagemaker.containers.images import ImageError, ImageUse, require_played_image

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "uses"),
    [
        ("sagemaker-xgboost:3.0-5", {ImageUse.PROCESSING, ImageUse.SERVING, ImageUse.TRAINING}),
        ("sagemaker-xgboost:3.0-5-cpu-py3", {ImageUse.PROCESSING, ImageUse.SERVING, ImageUse.TRAINING}),
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", {ImageUse.PROCESSING}),
        ("sagemaker-xgboost:1.7-1", set()),
        ("sagemaker-xgboost:3.0-55", set()),
        ("my-sagemaker-xgboost:3.0-5", set()),
        ("pytorch-inference:2.6.0-cpu-py312", set()),
    ],
)
def test_an_image_is_played_only_as_what_it_is(image: str, uses: set[ImageUse]) -> None:
    for use in uses:
        require_played_image(f"{REGISTRY}/{image}", use)
    for use in set(ImageUse) - uses:
        with pytest.raises(ImageError, match=f"and no other, not {REGISTRY}/{image}$"):
            require_played_image(f"{REGISTRY}/{image}", use)
