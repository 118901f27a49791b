"""What people do, with our command line or past it, and what SageMaker and its autoscaling do by themselves."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from sluice.async_inference import result_handler
from sluice.endpoint.state import NewConfig, NewVariant
from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.model.record import DOUBT, DOUBT_IN_WATCH, Hold, RolloutRecord

from cli.failures import CommandError
from cli.rollouts import retry, steer
from tests.chaos.aws import ALARM_CHANGE, PACKAGE_CHANGE
from tests.chaos.scenario import Incident
from tests.fakes.sluice_world import ENDPOINT, GROUP

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

BY_HAND = "by-hand"
"""How names of configs begin that no rollout has made."""


@dataclass
class Session:
    """The command line's session, without AWS behind it."""

    simulation: Simulation

    @property
    def out(self) -> Session:
        return self

    @property
    def names(self) -> Any:
        return self.simulation.ports.names

    def text(self, *_: object) -> None: ...

    def result(self, *_: object) -> None: ...

    def command(self, text: str) -> str:
        return text

    def now(self) -> datetime:
        return self.simulation.clock.now()

    def clients(self, _service: str) -> Session:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:sts::123456789012:assumed-role/people/ann"}

    def update_model_package(
        self, ModelPackageArn: str, ModelApprovalStatus: str, ApprovalDescription: str = ""
    ) -> None:
        self.simulation.decide(ModelPackageArn, ModelApprovalStatus, ApprovalDescription)

    def publish(self, detail_type: str, **detail: Any) -> None:
        self.simulation.ports.events.publish(detail_type, **detail)


@contextmanager
def tools() -> Iterator[None]:
    """The commands work on the simulation of their session."""

    def found(session: Session, name: str) -> Namespace:
        model, number = name.split("/")
        package = session.simulation.ports.registry.packages[_arn(int(number))]
        said = {"approval": package.approval, "description": package.description, "status": package.status}
        return Namespace(model=model, number=int(number), name=name, arn=package.arn, **said)

    def store(session: Session) -> Any:
        return session.simulation.ports.store

    def locks(session: Session) -> Any:
        return session.simulation.ports.locks

    def history(session: Session) -> Any:
        return session.simulation.ports.history

    def publisher(client: Session, _names: Any) -> Session:
        return client

    shared: dict[str, Any] = {"store_of": store, "history_of": history, "EventPublisher": publisher}

    def one_by_one(call: Callable[[Any], Any], items: Any) -> list[Any]:
        """Threads would come to their calls in another order each time."""
        answers: list[Any] = []
        for each in items:
            try:
                answers.append(call(each))
            except RETRYABLE_ERRORS as error:
                answers.append(error)
        return answers

    with (
        patch.object(result_handler, "call_each", one_by_one),
        patch.multiple(steer, locks_of=locks, **shared),
        patch.multiple(retry, find_version=found, **shared),
    ):
        yield


def approve(simulation: Simulation, incident: Incident) -> None:
    arn = _arn(incident.version)
    if arn not in simulation.ports.registry.packages:
        if incident.version in simulation.deleted:
            return
        simulation.ports.registry.add(GROUP, incident.version, "PendingManualApproval")
    simulation.is_bus_deaf = incident.of == "unheard"
    simulation.decide(arn, "Approved")
    simulation.is_bus_deaf = False


def reject(simulation: Simulation, incident: Incident) -> None:
    if _arn(incident.version) in simulation.ports.registry.packages:
        simulation.is_bus_deaf = incident.of == "unheard"  # the events of the registry come with best effort
        simulation.decide(_arn(incident.version), "Rejected", "a person says no")
        simulation.is_bus_deaf = False


def annotate(simulation: Simulation, incident: Incident) -> None:
    """Somebody saves a note on the version, which changes nothing else of it."""
    registry = simulation.ports.registry
    if (arn := _arn(incident.version)) in registry.packages:
        registry._set(arn, description="looks fine to me")


def delete(simulation: Simulation, incident: Incident) -> None:
    if simulation.ports.registry.packages.pop(_arn(incident.version), None) is not None:
        simulation.deleted.add(incident.version)


def again(simulation: Simulation, incident: Incident) -> None:
    """The event of a decision comes once more, as somebody replays an archive."""
    package = simulation.ports.registry.packages.get(_arn(incident.version))
    told = simulation.decisions.get(incident.version)
    if package is not None and told is not None:
        at, approval = told[-1]
        detail = {
            "ModelPackageArn": package.arn,
            "ModelPackageGroupName": GROUP,
            "ModelApprovalStatus": approval,
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
            "LastModifiedTime": at.isoformat(),
        }
        simulation.emit(PACKAGE_CHANGE, detail)


def _steered(kind: str, *, skip_gates: bool = False) -> Callable[[Simulation, Incident], None]:
    def act(simulation: Simulation, _incident: Incident) -> None:
        asked = Namespace(model="fraud", reason="", kind=kind, skip_gates=skip_gates)
        before = {each.id: each.command for each in simulation.ports.store.open_rollouts("fraud")}
        steer.steer(asked, Session(simulation))  # type: ignore[arg-type]
        for each in simulation.ports.store.open_rollouts("fraud"):
            if each.command != before.get(each.id):
                simulation.commanded(str(each.id), kind)

    return act


def abort(simulation: Simulation, _incident: Incident) -> None:
    open_before = {each.id: each.fence for each in simulation.ports.store.open_rollouts("fraud")}
    steer.abort(Namespace(model="fraud", reason=""), Session(simulation))  # type: ignore[arg-type]
    for rollout, fence in open_before.items():
        record = simulation.ports.store.get(rollout)
        if fence is None and record.fence is not None and record.fence.kind == "aborted":
            simulation.aborted.add(str(rollout))
            return
    simulation.aborted_nothing(open_before)


def open_gate(simulation: Simulation, _incident: Incident) -> None:
    steer.open_gate(Namespace(model="fraud", reason=""), Session(simulation))  # type: ignore[arg-type]


def retried(simulation: Simulation, incident: Incident) -> None:
    if _arn(incident.version) in simulation.ports.registry.packages:
        retry.run(Namespace(version=f"fraud/{incident.version}", reason=""), Session(simulation))  # type: ignore[arg-type]


def stop_execution(simulation: Simulation, incident: Incident) -> None:
    for execution in simulation.executions.running():
        if execution.rollout.startswith(f"fraud-{incident.version}-"):
            execution.stop()


def weights_by_hand(simulation: Simulation, incident: Incident) -> None:
    state = simulation.hosting.endpoints.get(ENDPOINT)
    if state is not None and state.is_settled and len(state.variants) == 2:
        first, second = state.variants
        simulation.hosting._change(ENDPOINT, {first.name: {"weight": 50.0}, second.name: {"weight": 50.0}})


def config_by_hand(simulation: Simulation, _incident: Incident) -> None:
    """Somebody updates the endpoint to a config of their own, with the model that serves most."""
    hosting = simulation.hosting
    state = hosting.endpoints.get(ENDPOINT)
    if state is None or not state.is_settled:
        return
    most = max(state.variants, key=lambda each: each.weight)
    if (ENDPOINT, most.name) in simulation.ports.scaling.register:
        return
    name = f"{BY_HAND}-{len(hosting.configs)}"
    same = NewVariant(
        name=most.name, model=most.model, instance_type=most.instance_type, instance_count=most.desired_count,
        weight=1.0, serverless=most.serverless,
    )  # fmt: skip
    old = hosting.configs[state.config]
    hosting.configs[name] = replace(NewConfig(name=name, variants=(same,)), async_config=old.async_config)
    simulation.by_hand.add("config")
    simulation.put_at[name] = simulation.clock.at
    hosting._use(ENDPOINT, name, None)


def delete_endpoint(simulation: Simulation, _incident: Incident) -> None:
    state = simulation.hosting.endpoints.get(ENDPOINT)
    if state is not None and state.is_settled:
        simulation.by_hand.add("endpoint")
        simulation.hosting._delete(ENDPOINT)


def delete_alarm(simulation: Simulation, _incident: Incident) -> None:
    alarms = simulation.ports.metrics.alarms
    if alarms:
        alarms.pop(sorted(alarms)[0])
        simulation.by_hand.add("alarm")


def apply_spec(simulation: Simulation, incident: Incident) -> None:
    """A changed spec: with scaling or without, or another strategy for what comes."""
    changed = replace(simulation.scenario, scaled=not simulation.scenario.scaled)
    simulation.ports.specs.specs["fraud"] = changed.spec()


def ring(simulation: Simulation, incident: Incident) -> None:
    """The alarm of a rollout of the version rings, if it is there."""
    alarms = simulation.ports.metrics.alarms
    for name in sorted(alarms):
        if name.startswith(f"{ENDPOINT}-{incident.version}-") and name.endswith("-errors"):
            alarms[name] = "ALARM"
            simulation.rang.add(incident.version)
            state = {"value": "ALARM", "reason": "Threshold Crossed"}
            simulation.emit(ALARM_CHANGE, {"alarmName": name, "state": state})
            return


def maintain(simulation: Simulation, incident: Incident) -> None:
    simulation.hosting.maintain_for(ENDPOINT, incident.seconds)


def autoscale(simulation: Simulation, incident: Incident) -> None:
    state = simulation.hosting.endpoints.get(ENDPOINT)
    if state is None or not state.is_settled:
        return
    for place, rules in simulation.ports.scaling.targets.items():
        found = state.variant(place[1])
        if place[0] == ENDPOINT and found is not None and not found.serverless:
            wanted = rules.most if found.desired_count == rules.least else rules.least
            if wanted != found.desired_count:
                simulation.hosting._change(ENDPOINT, {found.name: {"desired_count": wanted}})
                return


ACTIONS: Mapping[str, Callable[[Simulation, Incident], None]] = {
    "approve": approve,
    "reject": reject,
    "annotate": annotate,
    "delete": delete,
    "replay decision": again,
    "pause": _steered("pause"),
    "resume": _steered("resume"),
    "promote": _steered("promote"),
    "promote past gates": _steered("promote", skip_gates=True),
    "abort": abort,
    "continue": open_gate,
    "retry": retried,
    "stop execution": stop_execution,
    "weights by hand": weights_by_hand,
    "config by hand": config_by_hand,
    "delete endpoint": delete_endpoint,
    "delete alarm": delete_alarm,
    "apply": apply_spec,
    "alarm rings": ring,
    "maintenance": maintain,
    "autoscaling": autoscale,
}
REFUSALS = (CommandError,)
"""A person reads these and leaves it."""


def end_holds(simulation: Simulation) -> bool:
    """People end what waits for them; False if nothing does."""
    if any([each.redrive() for each in simulation.queues.values()]):  # of all of them
        return True
    for record in simulation.ports.store.open_rollouts("fraud"):
        if record.fence is not None:
            continue
        if (hold := record.held_by) is not None and hold.by in (DOUBT, DOUBT_IN_WATCH):
            return _decide_doubt(simulation, record, hold)
        if record.phase == "watching":
            continue
        hold = record.hold
        if hold is not None and hold.gate >= 0 and hold.gate not in record.gates_opened:
            if hold.stage == record.stage and not simulation.happens(Incident(0, "continue"), is_asked_for=True):
                simulation.violate("a gate that waits can be opened", f"{record.id} is {record.phase}, {hold.reason}")
                simulation.happens(Incident(0, "promote past gates"), is_asked_for=True)
            return True
        if record.command is not None and record.command.kind == "pause":
            return simulation.happens(Incident(0, "resume"), is_asked_for=True)
    return False


def _decide_doubt(simulation: Simulation, record: RolloutRecord, hold: Hold) -> bool:
    """A person on call decides what they were asked, one way or the other."""
    if record.command is not None and record.command.kind == "promote" and record.command.at > hold.since:
        return False  # they did, and the rollout is to look yet
    told = [what["rollout"] for kind, what in simulation.ports.events.published if kind == "RolloutStuck"]
    if str(record.id) not in told:
        simulation.violate("people are asked what only they decide", f"{record.id} is held: {hold.reason[:200]}")
    word = "abort" if record.id.version % 2 else "promote"
    if not simulation.happens(Incident(0, word), is_asked_for=True):
        simulation.violate("a person can end a doubt", f"{record.id} is {record.phase}, {hold.reason[:200]}")
    return True


def _arn(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"
