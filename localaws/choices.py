"""What AWS leaves open or sets for each account: readings of silent documents, and limits. Tests change them."""

from __future__ import annotations

from dataclasses import dataclass


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

    failed_package_takes_updates: bool = True
    """Whether UpdateModelPackage takes a version whose registration failed. Unsure: no document says."""

    copy_object_max_bytes: int = 5 << 30
    """Of CopyObject and of one part of UploadPartCopy: 5 GB on AWS; less, so that a test needs no object of 5 GB."""
