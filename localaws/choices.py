"""What AWS leaves open or sets for each account: readings of silent documents, and limits. Tests change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, kw_only=True)
class Choices:
    """One set for a local AWS; a change holds from the next call on."""

    transform_output_keeps_prefix: bool = False
    """Whether the outputs of a transform job lie below the last part of their input's prefix.

    Unsure: the only published example, of TransformOutput, has ``s3://bucket-name/input-name-prefix/dataset01/data.csv``
    become ``s3://bucket-name/output-name-prefix/input-name-prefix/data.csv.out``.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
    """

    transform_keeps_carriage_returns: bool = False
    """Whether the carriage return of a line end is a part of a transform job's record, before a joined answer.

    Unsure: that SplitType Line splits at newlines is all that is said.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
    """

    model_server_seconds: int = 60
    """After which a container stops a request unless ``SAGEMAKER_MODEL_SERVER_TIMEOUT`` says otherwise.

    60 in the image (aws/sagemaker-xgboost-container); less, so that a test needs no minute.
    """

    added_environment: Literal["merge", "replace", "refuse"] = "merge"
    """What becomes of an environment beside that of a model package (CreateModel) or of a model (CreateTransformJob).

    Unsure. Until 2023 CreateModel refused it ("Environment variable map cannot be specified both at Model Package … and
    Model …", aws/sagemaker-python-sdk#3301, #3397, #3581), and only there: ``refuse`` merges for transform jobs.
    """

    metrics_config_everywhere: bool = True
    """Whether CreateEndpointConfig takes a MetricsConfig of an asynchronous endpoint, and beside a shadow variant.

    Unsure: neither the API reference nor the developer guide says so, or otherwise.
    """

    failed_package_takes_updates: bool = True
    """Whether UpdateModelPackage takes a version whose registration failed. Unsure: no document says."""

    copy_object_max_bytes: int = 5 << 30
    """Of CopyObject and of one part of UploadPartCopy: 5 GB on AWS; less, so that a test needs no object of 5 GB."""
