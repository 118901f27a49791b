"""Instance types that SageMaker knows, as the installed botocore lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import botocore
from botocore.session import get_session
from sluice.errors import Problem
from sluice.spec.rules import Rule
from sluice.spec.schema.reading import suggest


def instance_type_rules() -> tuple[Rule, ...]:
    """Refuse instance types that SageMaker would refuse."""
    model: Any = get_session().get_service_model("sagemaker")
    hosting = model.shape_for("ProductionVariantInstanceType").enum
    every_job = [*model.shape_for("TrainingInstanceType").enum, *model.shape_for("ProcessingInstanceType").enum]
    jobs = list(dict.fromkeys(every_job))

    def of_endpoint(value: str) -> Iterator[Problem]:
        return _unknown("endpoint.instance_type", value, hosting)

    def of_jobs(parameters: Mapping[str, str]) -> Iterator[Problem]:
        for name, value in parameters.items():
            if name.endswith("InstanceType"):
                yield from _unknown(f"pipeline.parameters.{name}", value, jobs)

    return Rule(("endpoint.instance_type",), of_endpoint), Rule(("pipeline.parameters",), of_jobs)


def _unknown(path: str, value: str, known: list[str]) -> Iterator[Problem]:
    if value not in known:
        family = ".".join(value.split(".")[:2])
        sizes = [one for one in known if one.startswith(family + ".")]
        allowed = ", ".join(sizes) or f"a type that SageMaker has (as of botocore {botocore.__version__})"
        yield Problem(path, value, allowed, f"SageMaker has no {value}{suggest(value, known)}")
