"""One run: Sluice's real functions and its real state machine on AWS as a scenario has it, until all is at rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sluice.bootstrap.entry import access_refusals_retried
from sluice.rollout_id import RolloutId
from sluice.training.manifest import File

from functions.abort_rollout.app import run as abort_rollout
from functions.announce_pending_version.app import run as announce_pending_version
from functions.complete_batch.app import run as complete_batch
from functions.open_rollout.app import run as open_rollout
from functions.record_pipeline_run.app import run as record_pipeline_run
from functions.start_batch.app import run as start_batch
from functions.sweep.app import run as sweep
from tests.chaos.aws import (
    ALARM_CHANGE,
    PACKAGE_CHANGE,
    ResultTable,
    SimulatedHosting,
    SimulatedTable,
    share_by_version,
)
from tests.chaos.calls import Calls, Invocation, Outage
from tests.chaos.executions import SimulatedExecutions
from tests.chaos.joining import joined
from tests.chaos.loop import Killed, Loop, Strand
from tests.chaos.messages import (
    PIPELINE_CHANGE,
    TRANSFORM_CHANGE,
    queues_of,
)
from tests.chaos.people import ACTIONS, BY_HAND, REFUSALS, end_holds
from tests.chaos.scenario import Call, Incident, Scenario
from tests.chaos.senders import SENT
from tests.fakes.sluice_world import ENDPOINT, GROUP, FakePorts, sluice_world

OUTAGES = {"out": "out", "throttling": "throttled", "refusal": "refused", "deafness": "deaf"}
SWEEP_SECONDS = 300
LAMBDA_RETRIES = (60, 120)
STEPS_MAX = 4000
PATIENCE = timedelta(days=3)
DEFECTS = (ArithmeticError, AssertionError, AttributeError, KeyError, IndexError, NameError, TypeError)
OVERDUE_AFTER = {"async": timedelta(hours=7), "batch": timedelta(minutes=70)}
WAY_BACK_AFTER = timedelta(minutes=70)
OVERDUE_ROUNDS = 4
Route = tuple[str, Callable[..., Any]]
ROUTES: Mapping[str, Route] = {
    PIPELINE_CHANGE: ("record_pipeline_run", record_pipeline_run),
    TRANSFORM_CHANGE: ("complete_batch", complete_batch),
    "BatchRequested": ("start_batch", start_batch),
    ALARM_CHANGE: ("abort_rollout", abort_rollout),
    "RolloutAbortRequested": ("abort_rollout", abort_rollout),
    "Step Functions Execution Status Change": ("abort_rollout", abort_rollout),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be: ``rule`` names the promise, ``said`` tells what was found."""

    rule: str
    said: str


class Simulation:
    """The world of one run."""

    def __init__(self, scenario: Scenario, rules: Any) -> None:
        world = sluice_world(scenario.spec())
        self.scenario, self.rules = scenario, rules
        self.clock = world.clock
        self.loop = Loop(self.clock)
        self.current: Invocation | None = None
        self.calls: Counter[str] = Counter()  # of a function, and of an operation of a function
        self.hit: set[str] = set()  # operations of functions that had something in their way
        self.at_call: dict[tuple[str, int], list[Incident]] = {}
        self.at_event: dict[tuple[str, int], Incident] = {}
        self.events: Counter[str] = Counter()
        self.outages: dict[str, Outage] = {}
        self.refuses_until = self.short_until = self.clock.at
        self.seconds_left = 55.0
        self.violations: list[Violation] = []
        self.is_at_rest = True
        self.quiet = 0  # how many sweeps in a row have found nothing to do
        self.met: list[tuple[datetime, Incident, str]] = []
        self.notes: list[tuple[datetime, str]] = []
        self.decisions: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
        self.commands: list[tuple[datetime, str, str]] = []
        self.exposure: list[tuple[datetime, str, dict[int, float]]] = []
        self.deleted: set[int] = set()
        self.aborted: set[str] = set()
        self.is_bus_deaf = False
        self.by_hand: set[str] = set()
        self.put_at: dict[str, datetime] = {}  # when somebody put a config by hand
        self.rang: set[int] = set()
        self.dead_letters: list[Mapping[str, Any]] = []
        self.strands: list[Strand] = []
        self.requests = 0  # of whatever kind
        self.files: list[tuple[File, bool]] = []  # with whether each is good
        self.batch_jobs: set[str] = set()
        self.outcomes: set[str] = set()
        self.finished: set[str] = set()  # inferences that SageMaker has ended well
        self.queues = queues_of(self)
        stalls = [each.at for each in scenario.incidents if each.what == "stalled"]
        self.may_stall = {each.function for each in stalls if isinstance(each, Call)}
        self.table = SimulatedTable(Calls(service="dynamodb", simulation=self))
        self.results = ResultTable(Calls(service="dynamodb", simulation=self), self)
        self.ports: FakePorts = joined(world.ports, self)
        self.hosting: SimulatedHosting = self.ports.hosting  # type: ignore[assignment]
        self.executions: SimulatedExecutions = self.ports.executions  # type: ignore[assignment]
        self.calm_at = self.t0 = self.clock.at

    # What happens

    def run(self) -> None:
        """From the first deployment, in which nothing goes wrong, to the rest after everything else."""
        if self.scenario.family == "batch":
            self.ports.bucket.objects |= {f"batch/fraud/input/{name}.csv": b"30,1\n31,1\n32,1\n" for name in ("a", "b")}
        self.ports.registry.add(GROUP, 1, "PendingManualApproval")
        self.decide(_arn(1), "Approved")
        self._go_on()
        self.calls.clear()
        self.events.clear()
        self.t0 = self.clock.at
        for version in self.scenario.broken:
            self.hosting.unhealthy |= {f"{GROUP}-{version}-{attempt}-model" for attempt in range(1, 9)}
        self.calm_at = self.t0
        self._plan_incidents()
        self._go_on()
        for _ in range(OVERDUE_ROUNDS):
            if (wait := self._overdue_after()) is None or not self.is_at_rest:
                break
            self.calm_at = self.clock.at + wait
            self._go_on()
        for strand in self.strands:
            strand.is_to_die = True

    def _plan_incidents(self) -> None:
        for incident in self.scenario.incidents:
            if isinstance(incident.at, Call):
                if incident.at.function.startswith("event:"):
                    self.at_event[incident.at.function.removeprefix("event:"), incident.at.nth] = incident
                else:
                    self.at_call.setdefault(incident.at.key, []).append(incident)
                continue
            self.loop.after(incident.at, lambda one=incident: self.happens(one))  # type: ignore[misc]

    def _overdue_after(self) -> timedelta | None:
        """After how long the sweep misses the end of something that has none yet; None if all has ended."""
        match self.scenario.family:
            case "async":
                is_open = any(each["status"] in ("waiting", "submitted") for each in self.results.look_all("RESULT"))
            case "batch":
                is_open = any(not each.has_ended for each in self.ports.batches.runs("fraud"))
            case _:
                return WAY_BACK_AFTER if self._is_way_back_to_come() else None
        return OVERDUE_AFTER[self.scenario.family] if is_open else None

    def _is_way_back_to_come(self) -> bool:
        """Whether a way back has failed, while what it was to replace is Rejected and serves: it is tried again."""
        by_version = {each.version: each.approval for each in self.ports.registry.packages.values()}
        if all(by_version.get(version) != "Rejected" for version in self.shares()):
            return False
        return any(
            each.urgent and each.outcome != "promoted" and by_version.get(each.id.version) == "Approved"
            for each in self.ports.store.rollouts("fraud")
        )

    def _go_on(self) -> None:
        """Until nothing is planned, two sweeps have found nothing, and people have ended every pause and gate."""
        self.quiet, steps, nudges = 0, 0, 0
        next_sweep = self.clock.at + timedelta(seconds=SWEEP_SECONDS)
        while True:
            steps += 1
            is_calm = self.clock.at >= self.calm_at
            if self.loop.go_on(next_sweep):
                self.quiet = 0
            elif self.quiet >= 2 and self.loop.is_idle and is_calm:
                if is_calm and nudges < 4 and end_holds(self):
                    nudges += 1
                    self.quiet = 0
                    continue
                return
            else:
                self.quiet += 1
                self.clock.at = max(self.clock.at, next_sweep)
                if self.quiet > 2 and not is_calm and self.loop.is_idle and not self._is_way_back_to_come():
                    self.clock.at = self.calm_at  # every sweep until then would find what the last one found
                known = len(self.met)
                self.invoke("sweep", "", lambda: sweep({}, self.ports), self._swept)
                if len(self.met) > known:
                    self.quiet = 0  # the next sweep is to find what has happened in this one
                next_sweep = self.clock.at + timedelta(seconds=SWEEP_SECONDS)
                if self.quiet >= 2 and (at := self.loop.next_at) is not None:
                    next_sweep = max(next_sweep, at + timedelta(seconds=61))
                if self.quiet >= 2 and is_calm and nudges < 4 and end_holds(self):
                    nudges += 1
                    self.quiet = 0
            if steps > STEPS_MAX or self.clock.at > self.calm_at + PATIENCE:
                self.is_at_rest = False
                self.violate("comes to rest", f"after {steps} steps and {self.clock.at - self.t0} it still goes on")
                return

    def _swept(self, result: Any, error: str, _cause: str) -> None:
        if error or result["findings"]:
            self.quiet = 0

    def happens(self, incident: Incident, *, is_asked_for: bool = False) -> bool:
        """False if the command line refused it. ``is_asked_for``: it is what Sluice waits for, and no fault."""
        if is_asked_for:
            self.note(f"a person: {incident.kind}")
        else:
            self.meet(incident)
        now = self.clock.at
        until = now + timedelta(seconds=incident.seconds)
        self.calm_at = max(self.calm_at, until)
        if incident.what in OUTAGES:
            self.outages[incident.of] = Outage(OUTAGES[incident.what], until)
        elif incident.what == "changes refused":
            self.refuses_until = max(self.refuses_until, until)
        elif incident.what == "shortage":
            self.short_until = max(self.short_until, until)
        else:
            try:
                (ACTIONS.get(incident.what) or SENT[incident.what])(self, incident)
            except REFUSALS as error:
                self.note(f"refused: {error}")
                return False
        return True

    def apart(self, incident: Incident) -> None:
        """Somebody acts while a function is at work."""
        current, self.current = self.current, None
        self.happens(incident)
        self.current = current

    def meet(self, incident: Incident, where: str = "") -> None:
        self.met.append((self.clock.at, incident, where))
        self.notes.append((self.clock.at, f"! {incident}" + (f" ({where})" if where else "")))

    def note(self, said: str) -> None:
        self.notes.append((self.clock.at, said))

    def violate(self, rule: str, said: str) -> None:
        self.violations.append(Violation(rule, said))

    # Lambda

    def invoke(
        self, function: str, rollout: str, work: Callable[[], Any], done: Callable[[Any, str, str], object]
    ) -> None:
        invocation = Invocation(function, rollout, self.clock.at, self.rules.stopped(self, function, rollout))

        def body() -> None:
            self.current = invocation
            error = cause = ""
            result = None
            try:
                with access_refusals_retried():
                    result = work()
            except Killed:
                if invocation.strand is not None and invocation.strand.is_to_die:
                    raise
                error, cause = "Runtime.ExitError", "killed"
            except Exception as failure:
                error, cause = type(failure).__name__, str(failure)
                if isinstance(failure, DEFECTS):
                    self.violate("no function has a defect", f"{function}: {error}: {cause[:200]}")
            self.current = None
            if error:
                self.note(f"{function} fails: {error}: {cause[:120]}")
            self.rules.answered(self, invocation, result)
            done(result, error, cause)

        if function in self.may_stall:
            invocation.strand = Strand(self.loop, body)
            self.strands.append(invocation.strand)
            invocation.strand.begin()
        else:
            body()

    def _deliver(self, function: str, run: Callable[..., Any], event: Mapping[str, Any], attempt: int = 0) -> None:
        def done(_result: Any, error: str, _cause: str) -> None:
            if not error:
                return
            if attempt < len(LAMBDA_RETRIES):
                again = LAMBDA_RETRIES[attempt]
                self.loop.after(again, lambda: self._deliver(function, run, event, attempt + 1))
            else:
                self.dead_letters.append(event)

        self.invoke(function, _rollout_of(event), lambda: run(event, self.ports), done)

    def emit(self, kind: str, detail: Mapping[str, Any]) -> None:
        """An event on the bus; it may be lost, late, or come twice."""
        event = {"detail-type": kind, "detail": dict(detail)}
        if kind == PACKAGE_CHANGE:
            waits = detail.get("ModelApprovalStatus") == "PendingManualApproval"
            pending = ("announce_pending_version", announce_pending_version)
            route: Route | None = pending if waits else ("open_rollout", open_rollout)
        else:
            route = ROUTES.get(kind)
        if route is None or self.is_bus_deaf:
            return
        function, run = route
        self.events[kind] += 1
        incident = self.at_event.pop((kind, self.events[kind]), None)
        if incident is not None:
            self.meet(incident)
        if incident is None or incident.what != "event lost":
            late = incident.seconds if incident is not None and incident.what == "event late" else 0
            self.loop.after(1 + late, lambda: self._deliver(function, run, event))
        if incident is not None and incident.what == "event doubled":
            self.loop.after(1 + incident.seconds, lambda: self._deliver(function, run, event))

    # What is seen from outside

    @property
    def is_short(self) -> bool:
        return self.clock.at < self.short_until

    def decide(self, arn: str, approval: str, description: str = "") -> None:
        said = {"description": description} if description else {}
        self.ports.registry._set(arn, approval=approval, **said)
        version = self.ports.registry.packages[arn].version
        self.decisions[version].append((self.ports.registry.packages[arn].last_modified, approval))

    def commanded(self, rollout: str, kind: str) -> None:
        self.commands.append((self.clock.at, rollout, kind))

    def aborted_nothing(self, known: Mapping[RolloutId, Any]) -> None:
        if free := [str(each) for each, fence in known.items() if fence is None]:
            self.violate("abort stops what goes on", f"abort took a rollout that is taken back, not {free}")

    def writes(self, endpoint: str, said: str) -> None:
        who = f"{self.current.function} of {self.current.rollout}" if self.current else "somebody"
        self.note(f"{who}: {said}")
        if self.current is not None:
            self.current.changed_at = self.clock.at
            self.rules.changed(self, self.current, endpoint, said)

    def replaces(self, endpoint: str, before: str, config: str) -> None:
        if before.startswith(BY_HAND) and self.current is not None:
            self.rules.replaced(self, self.current, before, config)

    def served(self, endpoint: str) -> None:
        shares = share_by_version(self.hosting.endpoints.get(endpoint), self.ports.names)
        if not self.exposure or self.exposure[-1][1:] != (endpoint, shares):
            self.exposure.append((self.clock.at, endpoint, shares))
            status = self.hosting.endpoints[endpoint].status if endpoint in self.hosting.endpoints else "gone"
            self.note(f"{endpoint} is {status}: {shares}")

    def holder(self, endpoint: str) -> str:
        """Which rollout has the lock of the endpoint; empty if none has."""
        found = self.table.look(f"ENDPOINT#{endpoint}", "LOCK")
        return str(found[0].get("holder", "")) if found else ""

    def shares(self) -> dict[int, float]:
        return share_by_version(self.hosting.endpoints.get(ENDPOINT), self.ports.names)


def _rollout_of(event: Mapping[str, Any]) -> str:
    detail = event["detail"]
    said = str(detail.get("rollout") or detail.get("name") or detail.get("alarmName") or "")
    found = RolloutId.within(said.removeprefix("sluice-dev-"))
    return str(found) if found else ""


def _arn(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"
