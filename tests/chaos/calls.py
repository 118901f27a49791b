"""Every call to AWS that a function makes: what comes in its way is looked up here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluice.errors import AccessRefusedError, RetryableError, ThrottledError

from tests.chaos.loop import Killed, Strand
from tests.chaos.scenario import Incident
from tests.fakes.aws_state import Faults, refusal
from tests.fakes.sluice_world import ENDPOINT

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

TICK = timedelta(milliseconds=1)
"""How long a call takes: no two have the same time."""

CALL_FAULTS = (
    "lost call",
    "lost answer",
    "repeated call",
    "throttled call",
    "refused call",
    "killed before",
    "killed after",
    "stalled",
)
"""What comes in the way of one call."""

CHANGES = frozenset(
    {"create_endpoint", "update_endpoint", "set_weights", "set_capacity", "create_config", "create_model"}
)


@dataclass
class Invocation:
    """One run of a function. ``strand`` is there if it may stand still; ``stopped``: by which promise
    it may not take its rollout further, if so."""

    function: str
    rollout: str
    began: datetime
    stopped: str = ""
    strand: Strand | None = None
    changed_at: datetime | None = None  # when it changed an endpoint last
    sent_at: datetime = field(init=False)  # when its last call left it
    holder: str = ""  # of the endpoint's lock, when its last change of the endpoint left it

    def __post_init__(self) -> None:
        self.sent_at = self.began


@dataclass
class Outage:
    """``how``: out (no call arrives), throttled, refused (the role may not), or deaf (no answer arrives)."""

    how: str
    until: datetime


@dataclass
class Calls(Faults):
    """The calls to one service."""

    service: str = ""
    simulation: Simulation | None = field(default=None, repr=False)

    def around(self, effect: Callable[[], Any]) -> Any:
        simulation = self.simulation
        assert simulation is not None
        invocation = simulation.current
        if invocation is None:  # somebody outside of our functions
            return effect()
        simulation.clock.at += TICK
        operation = sys._getframe(1).f_code.co_name
        point = f"{invocation.function}:{operation}"
        calls = simulation.calls
        calls[invocation.function] += 1
        calls[point] += 1
        incidents = [
            incident
            for name in (invocation.function, point)
            for incident in simulation.at_call.pop((name, calls[name]), ())
        ]
        invocation.sent_at = simulation.clock.at
        if operation in CHANGES:
            invocation.holder = simulation.holder(ENDPOINT)
        if incidents:
            simulation.hit.add(point)
        for incident in incidents:
            simulation.meet(incident, f"{invocation.function}: {operation}")
            self._before(incident, invocation, simulation)
        self._outage(operation, point, simulation)
        result = effect()
        outage = simulation.outages.get(self.service)
        if outage is not None and outage.how == "deaf" and simulation.clock.at < outage.until:
            simulation.hit.add(point)
            raise RetryableError("injected: no answer arrives")
        for incident in incidents:
            result = _after(incident, effect, result)
        return result

    def _before(self, incident: Incident, invocation: Invocation, simulation: Simulation) -> None:
        match incident.what:
            case "lost call":
                raise RetryableError("injected: the call did not arrive")
            case "throttled call":
                raise ThrottledError("injected: too many calls")
            case "refused call":
                raise AccessRefusedError("injected: the role is too new")
            case "killed before":
                raise Killed
            case "stalled":
                _stand_still(incident.seconds, invocation, simulation)
            case "lost answer" | "killed after" | "repeated call":
                pass
            case _:  # somebody else acts meanwhile
                simulation.apart(incident)

    def _outage(self, operation: str, point: str, simulation: Simulation) -> None:
        now = simulation.clock.at
        if operation in CHANGES and now < simulation.refuses_until:
            simulation.hit.add(point)
            raise refusal("ResourceLimitExceeded: no instances of that kind are left in this account")
        outage = simulation.outages.get(self.service)
        if outage is None or now >= outage.until or outage.how == "deaf":
            return
        simulation.hit.add(point)
        if outage.how == "throttled":
            raise ThrottledError("injected: too many calls")
        if outage.how == "refused":
            raise AccessRefusedError("injected: access denied")
        raise RetryableError(f"injected: {self.service} does not answer")


def _after(incident: Incident, effect: Callable[[], Any], result: Any) -> Any:
    match incident.what:
        case "lost answer":
            raise RetryableError("injected: the answer did not arrive")
        case "killed after":
            raise Killed
        case "repeated call":  # the SDK got no answer, and sends the same request again
            return effect()
    return result


def _stand_still(seconds: float, invocation: Invocation, simulation: Simulation) -> None:
    if invocation.strand is None:
        return
    simulation.current = None
    invocation.strand.stand_still(min(seconds, simulation.seconds_left))
    simulation.current = invocation
    if seconds > simulation.seconds_left:
        raise Killed  # Lambda ends it at its timeout
