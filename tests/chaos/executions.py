"""Step Functions on virtual time: it runs the real state machine, with its own retriers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.analyze_stage.app import run as analyze_stage
from functions.plan_rollout.app import run as plan_rollout
from functions.promote_candidate.app import run as promote_candidate
from functions.provision_candidate.app import run as provision_candidate
from functions.roll_back.app import run as roll_back
from functions.shift_traffic.app import run as shift_traffic
from tests.fakes.aws_state import FakeExecutions
from tests.fakes.sluice_world import MACHINE

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

TASKS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "PlanRollout": ("plan_rollout", plan_rollout),
    "ProvisionCandidate": ("provision_candidate", provision_candidate),
    "ShiftTraffic": ("shift_traffic", shift_traffic),
    "AnalyzeStage": ("analyze_stage", analyze_stage),
    "PromoteCandidate": ("promote_candidate", promote_candidate),
    "RollBack": ("roll_back", roll_back),
}
ENDS = {"Succeed": "SUCCEEDED", "Fail": "FAILED"}


@dataclass
class Execution:
    """One execution; it goes from state to state by planning its next step in the loop."""

    name: str
    simulation: Simulation
    context: dict[str, Any]
    state: str = MACHINE["StartAt"]
    status: str = "RUNNING"
    began: datetime | None = None
    retried: Counter[int] = field(default_factory=Counter)  # by the position of the retrier

    @property
    def rollout(self) -> str:
        return str(self.context["rollout_id"])

    def stop(self, status: str = "ABORTED") -> None:
        if self.status == "RUNNING":
            self._end(status)

    def enter(self, name: str) -> None:
        """Go through states until one takes time."""
        self.retried.clear()
        while self.status == "RUNNING":
            self.state = name
            state = MACHINE["States"][name]
            match state["Type"]:
                case "Succeed" | "Fail":
                    self._end(ENDS[state["Type"]], state.get("Error", ""), state.get("Cause", ""))
                    return
                case "Choice":
                    name = _choose(state, self.context)
                case "Wait":
                    seconds = _path(state["SecondsPath"], self.context) if "SecondsPath" in state else state["Seconds"]
                    self.simulation.loop.after(seconds, lambda to=state["Next"]: self.enter(to))  # type: ignore[misc]
                    return
                case "Pass":
                    name = state["Next"]
                case "Task":
                    self._invoke(state)
                    return

    def _invoke(self, state: Mapping[str, Any]) -> None:
        if self.status != "RUNNING":
            return
        function, run = TASKS[state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")]
        whole = {**self.context, "$": {"Execution": {"Name": self.name}}}
        payload = {
            key.removesuffix(".$"): _path(value, whole) if key.endswith(".$") else value
            for key, value in state["Parameters"]["Payload"].items()
        }
        self.simulation.invoke(
            function,
            self.rollout,
            lambda: run(payload, self.simulation.ports),
            lambda *end: self._answered(state, *end),
        )

    def _answered(self, state: Mapping[str, Any], result: Any, error: str, cause: str) -> None:
        if self.status != "RUNNING":
            return
        if not error:
            self.context["step"] = result
            self.enter(state["Next"])
            return
        names = {error, "States.ALL"}
        at = next((at for at, rule in enumerate(state["Retry"]) if names & set(rule["ErrorEquals"])), None)
        if at is None or self.retried[at] >= state["Retry"][at]["MaxAttempts"]:
            self.context["failure"] = {"Error": error, "Cause": cause}
            self.enter(state["Catch"][0]["Next"])
            return
        rule = state["Retry"][at]
        seconds = rule["IntervalSeconds"] * rule["BackoffRate"] ** self.retried[at]
        self.retried[at] += 1
        seconds = min(seconds, rule.get("MaxDelaySeconds", seconds))
        self.simulation.loop.after(seconds, lambda: self._invoke(state))

    def _end(self, status: str, error: str = "", cause: str = "") -> None:
        self.status = status
        self.simulation.executions.ended[self.name] = status
        self.simulation.note(f"execution {self.name} is {status} {error}")
        if status in ("FAILED", "TIMED_OUT", "ABORTED"):
            arn = self.simulation.executions.state_machine_arn
            detail = {"name": self.name, "status": status, "stateMachineArn": arn, "error": error, "cause": cause}
            self.simulation.emit("Step Functions Execution Status Change", detail)


@dataclass
class SimulatedExecutions(FakeExecutions):
    """Starts them in the loop."""

    simulation: Any = None
    known: dict[str, Execution] = field(default_factory=dict)

    def _once(self, name: str) -> bool:
        is_free = super()._once(name)
        if is_free and name not in self.known:
            rollout, _, restores = name.partition("-restore-")
            mode = "restore" if restores else "roll_out"
            execution = Execution(name, self.simulation, {"rollout_id": rollout, "mode": mode})
            execution.began = self.simulation.clock.now()
            self.known[name] = execution
            self.simulation.note(f"execution {name} begins")
            self.simulation.loop.after(0.1, lambda: execution.enter(MACHINE["StartAt"]))
        return is_free

    def started_at(self, name: str) -> datetime | None:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: self.known[name].began if name in self.known else None
        )

    def running(self) -> list[Execution]:
        return [each for each in self.known.values() if each.status == "RUNNING"]


def _choose(state: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    for choice in state["Choices"]:
        if "IsPresent" in choice:
            holds = (choice["Variable"].removeprefix("$.") in context) == choice["IsPresent"]
        else:
            holds = _path(choice["Variable"], context) == choice["StringEquals"]
        if holds:
            return str(choice["Next"])
    return str(state["Default"])


def _path(path: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    for part in path.removeprefix("$").split("."):
        found = found[part] if part else found
    return found
