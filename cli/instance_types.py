"""Instance types that SageMaker knows, as the installed botocore lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore
from botocore.session import get_session
from sluice.errors import Problem
from sluice.spec import ModelSpec
from sluice.spec_reading import suggest


def instance_type_problems(spec: ModelSpec) -> Iterator[Problem]:
    """Instance types in the spec that SageMaker would refuse."""
    model: Any = get_session().get_service_model("sagemaker")
    hosting = model.shape_for("ProductionVariantInstanceType").enum
    jobs = [
        *model.shape_for("TrainingInstanceType").enum,
        *model.shape_for("ProcessingInstanceType").enum,
    ]
    yield from _unknown("endpoint.instance_type", spec.endpoint.instance_type, hosting)
    for name, value in spec.pipeline.parameters.items():
        if name.endswith("InstanceType"):
            yield from _unknown(f"pipeline.parameters.{name}", value, jobs)


def _unknown(path: str, value: str, known: list[str]) -> Iterator[Problem]:
    if value not in known:
        family = ".".join(value.split(".")[:2])
        sizes = [one for one in known if one.startswith(family + ".")]
        allowed = ", ".join(sizes) or f"a type that SageMaker has (as of botocore {botocore.__version__})"
        yield Problem(path, value, allowed, f"SageMaker has no {value}{suggest(value, known)}")
