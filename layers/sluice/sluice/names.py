"""Names of AWS resources. One place, so that the code agrees with the IAM policies of the template.

The name of everything that one stack owns starts with ``sluice-<stage>-``, so that each role is scoped by name.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

MODEL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MODEL_MAX = 24
STAGE_MAX = 8
DEFAULT_STAGE = "dev"
"""The stage of the ``sluice`` command without ``--stage``."""

_BATCH_JOB = re.compile(r"(?P<model>.+)-\d{8}t\d{6}-[0-9a-f]{6}")
_PACKAGE_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:model-package/(?P<group>[^/]+)/(?P<version>\d+)")


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one stage's resources; ``stage`` is at most 8 characters, a model's name at most 24.

    With these limits the longest name, a canary's endpoint config, stays within SageMaker's 63 characters.
    """

    stage: str

    @property
    def stack(self) -> str:
        """The application in one stage, e.g. ``sluice-dev``; its resources have this prefix."""
        return f"sluice-{self.stage}"

    @property
    def prefix(self) -> str:
        return f"{self.stack}-"

    @property
    def stack_parameter(self) -> str:
        """The SSM parameter in which the stack publishes its outputs for the ``sluice`` command."""
        return f"/sluice/{self.stage}/stack"

    def command(self, words: str) -> str:
        """A ``sluice`` command as people have to type it for this stage, e.g. ```sluice --stage prod abort fraud```."""
        stage = "" if self.stage == DEFAULT_STAGE else f"--stage {self.stage} "
        return f"`sluice {stage}{words}`"

    def spec_parameter(self, model: str) -> str:
        return f"/sluice/{self.stage}/models/{model}"

    def endpoint(self, model: str, suffix: str | None = None) -> str:
        """``suffix`` distinguishes the endpoints of one model: two endpoint types cannot share one."""
        return f"{self.prefix}{model}" + (f"-{suffix}" if suffix else "")

    def group(self, model: str) -> str:
        """The model package group."""
        return f"{self.prefix}{model}"

    def pipeline(self, model: str) -> str:
        return f"{self.prefix}{model}"

    def rollout_resource(self, rollout_id: str, purpose: str) -> str:
        """A SageMaker model, endpoint config or alarm of one rollout, e.g. ``sluice-dev-fraud-7-1-canary``."""
        return f"{self.prefix}{rollout_id}-{purpose}"

    def rollout_resources(self, rollout_id: str, *purposes: str) -> tuple[str, ...]:
        """``rollout_resource`` for each purpose."""
        return tuple(self.rollout_resource(rollout_id, purpose) for purpose in purposes)

    def version_of_model(self, sagemaker_model: str) -> int | None:
        """7 for the SageMaker model ``sluice-dev-fraud-7-1-model``; None for a model that Sluice did not create."""
        found = re.fullmatch(re.escape(self.prefix) + r".+-(\d+)-\d+-model", sagemaker_model)
        return int(found[1]) if found else None

    def version_served(self, variant_name: str, sagemaker_model: str) -> int | None:
        """The version that a variant serves; None if neither its SageMaker model nor its name contains it.

        The model's name comes first, because a blue/green deployment keeps the variant's name; a name like ``v7``
        counts only if Sluice did not create the model.
        """
        made = self.version_of_model(sagemaker_model)
        named = re.fullmatch(r"v(\d+)", variant_name)
        return made if made is not None else int(named[1]) if named else None

    def batch_schedule(self, model: str) -> str:
        """The batch schedule; the dot avoids the training schedule of a model whose name ends in ``-batch``."""
        return f"{self.pipeline(model)}.batch"

    def batch_job(self, model: str, at: datetime, request: str) -> str:
        """The transform job of a request, e.g. ``sluice-dev-fraud-20260304t020000-3f2a9c``; names sort by time.

        The same request always has the same name, so that SageMaker itself refuses a duplicate: the name is the
        idempotency token.
        """
        digest = hashlib.sha256(request.encode()).hexdigest()[:6]
        return f"{self.prefix}{model}-{at:%Y%m%dt%H%M%S}-{digest}"

    def model_of_batch_job(self, job: str) -> str | None:
        """The model whose batch run this job is; None for a job of another stage or application."""
        found = _BATCH_JOB.fullmatch(job)
        return self.model_of(found["model"]) if found else None

    def model_of(self, resource_name: str) -> str | None:
        """The model that a group or pipeline belongs to; None if it is not of this stage."""
        if not resource_name.startswith(self.prefix):
            return None
        model = resource_name.removeprefix(self.prefix)
        return model if is_model(model) else None


def is_model(name: str) -> bool:
    """Whether ``name`` is a valid name of a model."""
    return MODEL.fullmatch(name) is not None and len(name) <= MODEL_MAX


def package_group_and_version(arn: str) -> tuple[str, int] | None:
    """``(group, version)`` of a versioned model package ARN, None for any other string."""
    found = _PACKAGE_ARN.fullmatch(arn)
    return (found["group"], int(found["version"])) if found else None


def variant(version: int) -> str:
    """The name of the production variant that serves a version, e.g. ``v7``."""
    return f"v{version}"
