"""What a run is told about the version in service, so that its gate can compare a newcomer with it."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.assembly import Ports
from sluice.live import live_package, metrics_of
from sluice.spec import ModelSpec

NO_LIVE_VERSION = "none"


def live_parameters(spec: ModelSpec, ports: Ports) -> Mapping[str, str]:
    """Parameters for the start of a run: ``{"Live": "7 mse=4.21"}``, empty unless the spec's gate compares.

    No live version, or one without the metric, is ``none``: then there is nothing to be worse than.
    """
    if spec.pipeline.gate.not_worse_than_live_percent is None:
        return {}
    package = live_package(spec.name, ports)
    name = "auc" if spec.data.is_classification else "mse"
    value = metrics_of(package, ports.bucket).get(name) if package else None
    if package is None or value is None:
        return {"Live": NO_LIVE_VERSION}
    return {"Live": f"{package.version} {name}={value:.12g}"}
