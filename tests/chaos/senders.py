"""What people and clients send: files, requests for runs, inferences, batch runs, and outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.inference import InferenceRequest
from sluice.async_inference.retries import submit
from sluice.async_inference.transitions import new_request
from sluice.training.manifest import File

from tests.chaos.scenario import Incident
from tests.fakes.sluice_world import ENDPOINT

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

GOOD, BAD = b"age,risk\n30,1\n", b"x,y\n1,2\n"


def upload(simulation: Simulation, incident: Incident) -> None:
    """A file, good or bad by its version, under one of three keys."""
    number = len(simulation.files) + 1
    path, version = f"data/fraud/{'abc'[incident.version % 3]}.csv", f"v{number}"
    is_good = incident.version != 4
    bucket: Any = simulation.ports.bucket
    bucket.objects.setdefault(path, []).append((version, GOOD if is_good else BAD))
    about = {"key": path, "size": 14, "etag": f"e{number}", "version-id": version, "sequencer": f"{number:04X}"}
    simulation.queues["start_pipeline"].send(
        json.dumps({"detail": {"bucket": {"name": bucket.name}, "object": about}}), 1
    )
    file = File(bucket=bucket.name, key=path, version_id=version, etag=f"e{number}", size=14)
    simulation.files.append((file, is_good))


def train(simulation: Simulation, incident: Incident) -> None:
    simulation.requests += 1
    detail = {"model": "fraud", "request": f"r{simulation.requests}", "parameters": {}, "again": incident.version == 3}
    simulation.queues["start_pipeline"].send(json.dumps({"detail-type": "TrainRequested", "detail": detail}))


def infer(simulation: Simulation, _incident: Incident) -> None:
    """As ``sluice invoke-async`` does, which may be killed, too: three inferences."""
    ports = simulation.ports
    for _ in range(3):
        simulation.requests += 1
        name = f"fraud-{simulation.requests}"
        request = InferenceRequest(input=f"s3://sluice-dev-data/async/fraud/input/{name}", content_type="text/csv")

        def work(name: str = name, request: InferenceRequest = request) -> None:
            now = ports.now().replace(microsecond=0)
            inference = new_request(name, request, model="fraud", endpoint=ENDPOINT, now=now)
            ports.results.add(inference)
            submit(inference, simulation.scenario.spec().endpoint.async_, ports)

        simulation.invoke("invoke_async", "", work, lambda *_: None)


def request_batch(simulation: Simulation, incident: Incident) -> None:
    simulation.requests += 1
    at = simulation.clock.now().replace(microsecond=0)
    folder = "" if incident.version < 4 else "s3://sluice-dev-data/batch/fraud/nothing/"
    detail = {"model": "fraud", "request": f"r{simulation.requests}", "at": at.isoformat(), "input": folder}
    simulation.batch_jobs.add(simulation.ports.names.batch_job("fraud", at, f"r{simulation.requests}"))
    simulation.emit("BatchRequested", {"stage": "dev", **detail})


def tell_outcomes(simulation: Simulation, _incident: Incident) -> None:
    """Ten outcomes of inferences, one of them twice."""
    for index in range(10):
        simulation.requests += index > 0
        detail = {
            "model": "fraud",
            "inference_id": f"i{simulation.requests}",
            "variant": "v2" if index % 2 else "v1",
            "metric": "conversion",
            "value": 1,
        }
        simulation.outcomes.add(str(detail["inference_id"]))
        event = {"source": "acme.shop", "detail-type": "InferenceOutcome", "detail": detail}
        simulation.queues["record_outcome"].send(json.dumps(event))


SENT: Mapping[str, Callable[[Simulation, Incident], None]] = {
    "upload": upload,
    "train": train,
    "infer": infer,
    "request batch": request_batch,
    "tell outcomes": tell_outcomes,
}
