"""The pipeline parameter about the live version, with which the run's quality gate compares the new version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.rollout.model.evaluation_report import metrics_of
from sluice.rollout.model.live_version import live_package
from sluice.spec.model import ModelSpec

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

NO_LIVE_VERSION = "none"
UNKNOWN = "unknown"


def live_parameters(spec: ModelSpec, ports: TrainingPorts) -> Mapping[str, str]:
    """Parameters for the start of a run: ``{"Live": "7 mse=4.21"}``, empty unless the spec's gate compares.

    Without a live version it is ``none``: then there is nothing to be worse than; likewise if it is deleted from the
    registry, since nothing could ever pass again. If the live version's metric cannot
    be read, because its report is gone or does not have it, it is ``7 mse=unknown``, with which no new version passes.
    """
    if spec.pipeline.gate.not_worse_than_live_percent is None:
        return {}
    package = live_package(spec.name, ports)
    name = "auc" if spec.data.is_classification else "mse"
    value = metrics_of(package, ports.bucket).get(name) if package else None
    if package is None:
        return {"Live": NO_LIVE_VERSION}
    if package.is_deleted:
        ports.telemetry.log("nothing to compare with: the live version is deleted", version=package.version)
        return {"Live": NO_LIVE_VERSION}
    return {"Live": f"{package.version} {name}={UNKNOWN if value is None else f'{value:.12g}'}"}


def live_metric(spec: ModelSpec, ports: TrainingPorts) -> str:
    """What the gate compares with now: ``mse=4.21``, ``none`` or, of a gate that does not compare, nothing.

    Without the version's number: two live versions that are equally good let the same run pass.
    """
    return live_parameters(spec, ports).get("Live", "").rpartition(" ")[2]
