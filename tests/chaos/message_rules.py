"""What must hold in the end of everything that was sent: each ends once, nothing is lost, nothing counts twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.rollout_id import RolloutId
from sluice.training.manifest import Manifest
from sluice.training.quarantine import quarantine_key

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation


def at_rest(simulation: Simulation) -> None:
    """Checks each kind of message that the run had."""
    if simulation.files or simulation.scenario.family == "uploads":
        _uploads(simulation)
    if simulation.scenario.family == "async":
        _inferences(simulation)
    if simulation.batch_jobs:
        _batch_runs(simulation)
    if simulation.outcomes:
        _outcomes(simulation)


def _uploads(simulation: Simulation) -> None:
    ports = simulation.ports
    pending = ports.pending_inputs.get("fraud")
    if pending and (pending.files or pending.requests):
        simulation.violate("every upload is run", f"{pending.files} {pending.requests} still wait")
    if any(each.status == "Executing" for each in ports.pipelines.started.values()):
        simulation.violate("every run ends", "one still runs")
    held: dict[str, set[str]] = {}
    for each in ports.pipelines.started.values():
        text = ports.bucket.read(each.parameters["InputData"].replace(".manifest", ".json"))
        held[each.run] = {file.version_id for file in Manifest.parse(text.decode() if text else "").files}
    _files(simulation, held)
    _runs_told(simulation)
    _requests(simulation)


def _runs_told(simulation: Simulation) -> None:
    told = {(kind, what.get("execution")) for kind, what in simulation.ports.events.published}
    for each in simulation.ports.pipelines.started.values():
        if ("PipelineStarted", each.arn) not in told:
            simulation.violate("the start of a run is told", each.run)
        if each.status != "Executing" and not {("PipelineSucceeded", each.arn), ("PipelineFailed", each.arn)} & told:
            simulation.violate("the end of a run is told", f"{each.run} is {each.status}")


def _requests(simulation: Simulation) -> None:
    """Each request for a run is run or refused, and told as refused only then."""
    ports = simulation.ports
    told = {name for kind, what in ports.events.published if kind == "TrainingRefused" for name in what["requests"]}
    for name in (f"r{number}" for number in range(1, simulation.requests + 1)):
        status = ports.pending_inputs.request_status("fraud", name)
        if status is None or status.state not in ("run", "refused"):
            simulation.violate("every request for a run ends", f"{name} is {status}")
        elif (status.state == "refused") is not (name in told):
            simulation.violate("a request is told as it ends", f"{name} is {status}, told as refused: {name in told}")


def _files(simulation: Simulation, held: dict[str, set[str]]) -> None:
    ports = simulation.ports
    refused = {what["version_id"] for kind, what in ports.events.published if kind == "DataRejected"}
    for file, is_good in simulation.files:
        status = ports.pending_inputs.file_status(file)
        holding = [run for run, versions in held.items() if file.version_id in versions]
        if status is None:
            simulation.violate("every upload is run", f"{file.key} {file.version_id} is not known")
        elif not is_good:
            kept = f"{quarantine_key(file.key)}/{file.version_id}" in ports.bucket.objects
            if status.state != "rejected" or holding or not kept:
                simulation.violate("a bad file goes to the quarantine", f"{file.version_id}: {status}, {holding}")
            elif file.version_id not in refused:
                simulation.violate("a rejected file is told", f"{file.key} {file.version_id}")
        elif status.state == "superseded":
            if holding or int(status.successor[1:]) <= int(file.version_id[1:]):
                simulation.violate("a file is superseded by a newer one only", f"{file.version_id}: {status}")
        elif status.state != "run" or status.run not in holding:
            simulation.violate("every upload is run", f"{file.version_id}: {status}, in {holding}")


def _inferences(simulation: Simulation) -> None:
    told: dict[str, set[str]] = {}
    for kind, what in simulation.ports.events.published:
        if kind.startswith("AsyncResult"):
            told.setdefault(what["inference_id"], set()).add(kind)
    for each in simulation.results.look_all("RESULT"):
        name, status = each["pk"], each["status"]
        if status not in ("ready", "parked"):
            simulation.violate("every inference ends", f"{name} is {status}")
        elif ("AsyncResultReady" if status == "ready" else "AsyncResultFailed") not in told.get(name, ()):
            simulation.violate("the end of an inference is told", f"{name} is {status}, told as {told.get(name)}")
        if name in simulation.finished and status != "ready":
            simulation.violate("no result is lost", f"{name} is {status}, SageMaker has its result")


def _batch_runs(simulation: Simulation) -> None:
    ends: dict[str, set[str]] = {}
    for kind, what in simulation.ports.events.published:
        if kind in ("BatchCompleted", "BatchFailed", "BatchSkipped"):
            ends.setdefault(what["job"], set()).add(kind)
    for run in simulation.ports.batches.runs("fraud"):
        told = ends.get(run.job, set())
        wanted = {"completed": "BatchCompleted", "failed": "BatchFailed", "skipped": "BatchSkipped"}.get(run.phase)
        if wanted is None:
            simulation.violate("every batch run ends", f"{run.job} is {run.phase}")
        elif wanted not in told:
            simulation.violate("the end of a batch run is told", f"{run.job} is {run.phase}, told as {told}")
        elif len(told) > 1:
            simulation.violate("a batch run ends once", f"{run.job} is {run.phase}, told as {told}")
    known = {run.job for run in simulation.ports.batches.runs("fraud")}
    for job, told in ends.items():
        if job not in known:
            simulation.violate("what is told of a batch run is kept", f"{job}: {told}, and nothing is kept")


def _outcomes(simulation: Simulation) -> None:
    counted: Any = 0
    for record in simulation.ports.store.rollouts("fraud"):
        found = simulation.ports.outcomes.read(
            RolloutId.required(str(record.id)), "conversion", ("v1", "v2", "v2-2", "v3")
        )
        counted += sum(row.count for each in found.values() for row in each.periods.values())
    if counted > len(simulation.outcomes):
        simulation.violate("no outcome counts twice", f"{counted} of {len(simulation.outcomes)}")
