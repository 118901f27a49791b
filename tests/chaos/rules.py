"""The promises that are checked: while a run goes on, and when all is at rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.apply_step import SHORTEST_UPDATE
from sluice.rollout_id import RolloutId

from tests.chaos.calls import Invocation
from tests.fakes.sluice_world import ENDPOINT

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

EXCUSES = ("shortage", "changes refused", "stop execution")
"""A version that met these cannot be told from one that does not start, or was stopped by a person."""

FORWARD = ("READY", "WAIT", "SHIFT", "PROMOTE", "HOLD")
PROMPT = timedelta(minutes=30)
"""How long it takes at most that a version which is not to serve serves no more, while nothing is out."""


FORWARD_FUNCTIONS = ("provision_candidate", "shift_traffic", "promote_candidate")


def stopped(simulation: Simulation, function: str, rollout: str) -> str:
    """The promise by which the function, which begins, may not take the rollout further; empty if it may."""
    if function not in FORWARD_FUNCTIONS:
        return ""
    found = RolloutId.required(rollout)
    packages = simulation.ports.registry.packages.values()
    if any(each.version == found.version and each.approval == "Rejected" for each in packages):
        return "a rejection is obeyed"
    return "no step begins after a fence" if "fence_kind" in _item(simulation, found) else ""


def _item(simulation: Simulation, rollout: RolloutId) -> Mapping[str, Any]:
    sort = f"ROLLOUT#{rollout.version:07d}#{rollout.attempt:03d}"
    return simulation.table.look_at(f"MODEL#{rollout.model}", sort)


def changed(simulation: Simulation, invocation: Invocation, endpoint: str, said: str) -> None:
    """A function has changed an endpoint."""
    holder = simulation.holder(endpoint)
    is_late = invocation.holder == invocation.rollout and simulation.clock.at - invocation.sent_at >= SHORTEST_UPDATE
    if holder != invocation.rollout and not is_late:  # a call that is on its way cannot be called back
        who = f"{invocation.function} of {invocation.rollout}"
        simulation.violate(
            "only the holder of the lock changes an endpoint", f"{who}, held by {holder or None}: {said}"
        )
    if invocation.stopped:
        simulation.violate(invocation.stopped, f"{invocation.function} of {invocation.rollout} began after it: {said}")
    state = simulation.hosting.endpoints.get(endpoint)
    if state is not None and state.variants and sum(each.weight for each in state.variants) <= 0:
        simulation.violate("weights never sum to zero", said)


def replaced(simulation: Simulation, invocation: Invocation, before: str, config: str) -> None:
    """A function has replaced a config that somebody put by hand; only a rollout that began with it may.

    UpdateEndpoint has no condition: a change by hand that comes to its end while our call is on its way is overwritten.
    The function cannot have seen it before if it began less than ``SHORTEST_UPDATE`` before the call.
    """
    if simulation.put_at[before] > invocation.sent_at - SHORTEST_UPDATE:
        return
    record = simulation.ports.store.get(RolloutId.required(invocation.rollout))
    if record.plan is None or record.plan.baseline is None or record.plan.baseline.config != before:
        said = f"{invocation.function} of {invocation.rollout} replaced {before} by {config}"
        simulation.violate("changes by hand stay", said)


def answered(simulation: Simulation, invocation: Invocation, result: Any) -> None:
    """A function has ended: what moved traffic after a fence sends the machine back at once."""
    if invocation.function not in ("shift_traffic", "promote_candidate") or not isinstance(result, dict):
        return
    if invocation.stopped and result.get("status") in FORWARD:
        item = _item(simulation, RolloutId.required(invocation.rollout))
        if item.get("outcome") == "promoted" and item["closed_at"] >= invocation.began.isoformat():
            simulation.violate(invocation.stopped, f"{invocation.rollout} was promoted by a task that began after it")
    if invocation.changed_at is None or result.get("status") not in FORWARD:
        return
    record = _record(simulation, invocation.rollout)
    if record is not None and record.fence is not None and record.fence.at <= invocation.changed_at:
        said = f"{invocation.function} of {invocation.rollout} answers {result['status']}"
        simulation.violate("what moved traffic after a fence goes back at once", said)


def _record(simulation: Simulation, rollout: str) -> RolloutRecord | None:
    try:
        return simulation.ports.store.get(RolloutId.required(rollout))
    except LookupError:
        return None


def at_rest(simulation: Simulation) -> None:
    """All that must hold in the end."""
    _Rest(simulation).check()


class _Rest:
    def __init__(self, simulation: Simulation) -> None:
        self.of = simulation
        self.records = sorted(simulation.ports.store.rollouts("fraud"), key=lambda each: each.opened_at)
        self.packages = {each.version: each for each in simulation.ports.registry.packages.values()}
        self.shares = simulation.shares()
        self.spared = timedelta(seconds=sum(each.seconds for _, each, _ in simulation.met) * 1.5)
        self.promoted = {each.id.version for each in self.records if each.outcome == "promoted"}
        self.told = simulation.ports.events.published

    def check(self) -> None:
        before = len(self.of.violations)
        self._rest()
        if len(self.of.violations) > before:
            return  # all else follows from that
        self._endpoint()
        self._served()
        for record in self.records:
            if record.is_closed:
                self._agreement(record)
                self._promptness(record)
                self._commands(record)
        self._one_for_one()
        self._approvals()
        self._blame()
        self._rejections()

    def _no(self, rule: str, said: str) -> None:
        self.of.violate(rule, said)

    def _rest(self) -> None:
        for record in self.records:
            if not record.is_closed:
                why = record.fence.reason if record.fence else f"held: {record.held_by}" if record.held_by else ""
                self._no("every rollout ends", f"{record.id} is {record.phase} {why[:100]}")
        for execution in self.of.executions.running():
            if all(each.is_closed for each in self.records):
                self._no("every execution ends", f"{execution.name} is at {execution.state}")
        lock = self.of.table.look(f"ENDPOINT#{ENDPOINT}", "LOCK")
        if lock and all(each.is_closed for each in self.records):
            self._no("no lock is left", str(lock[0].get("holder")))

    def _endpoint(self) -> None:
        state = self.of.hosting.endpoints.get(ENDPOINT)
        if self.of.scenario.endpoint == "batch" or "endpoint" in self.of.by_hand:
            return
        if state is None or not state.is_settled:
            self._no("the endpoint serves", f"it is {state and state.status}")
            return
        if len(state.variants) != 1 or state.shadows:
            found = {each.name: each.weight for each in (*state.variants, *state.shadows)}
            self._no("one variant serves", str(found))
        strange = set(self.of.ports.scaling.targets) - {(ENDPOINT, each.name) for each in state.variants}
        if strange:
            self._no("only what serves is scaled", str(strange))

    def _served(self) -> None:
        """What serves is what was promoted last, and rejected versions do not while another good one is there."""
        if self.of.scenario.endpoint == "batch" or "endpoint" in self.of.by_hand:
            return
        last = self.of.ports.store.last_promotion("fraud")
        serving = next(iter(self.shares), 0)
        if last is not None and set(self.shares) != {last.id.version} and not self.of.by_hand:
            self._no("what serves was promoted last", f"{self.shares} serve, {last.id} was promoted last")
        package = self.packages.get(serving)
        good = [each for each in self._good() if each != serving]
        if package is not None and package.approval == "Rejected":
            if good:
                self._no("no rejected version serves", f"v{serving} serves, {good} are good")
            elif not any(kind == "NoWayBack" and what["version"] == serving for kind, what in self.told):
                self._no("people hear that there is no way back", f"v{serving} is rejected and serves")

    def _good(self) -> list[int]:
        found = (self.packages.get(each) for each in sorted(self.promoted))
        return [each.version for each in found if each is not None and each.is_approved]

    def _agreement(self, record: RolloutRecord) -> None:
        kinds = [kind for kind, what in self.told if what.get("rollout") == str(record.id)]
        statuses = {
            each.name: each.status for each in self.of.executions.known.values() if each.rollout == str(record.id)
        }
        succeeded = "SUCCEEDED" in statuses.values()
        if record.outcome == "promoted":
            if "RolloutPromoted" not in kinds:
                self._no("a promotion is told", f"{record.id} was promoted and nobody was told")
            if not succeeded and "ABORTED" not in statuses.values():  # a person stopped it when all was done
                self._no("record and execution agree", f"{record.id} was promoted, its executions are {statuses}")
            if "RolloutRolledBack" in kinds or "RolloutFailed" in kinds:
                self._no("record and events agree", f"{record.id} was promoted, and told as {kinds}")
            return
        if "RolloutPromoted" in kinds:
            self._no("record and events agree", f"{record.id} is {record.outcome}, and told as promoted")
        if succeeded:
            self._no("record and execution agree", f"{record.id} is {record.outcome}, its executions are {statuses}")
        if not {"RolloutRolledBack", "RolloutFailed"} & set(kinds):
            self._no("the end of a rollout is told", f"{record.id} is {record.outcome} and nobody was told")

    def _promptness(self, record: RolloutRecord) -> None:
        """From the fence on, the candidate's share goes away."""
        attempts = [each for each in self.records if each.id.version == record.id.version]
        if record.fence is None or len(attempts) > 1 or record.plan is None or record.plan.baseline is None:
            return
        if self.of.by_hand or record.outcome == "promoted":
            return
        self._prompt(record.id.version, record.fence.at, f"{record.id} was fenced ({record.fence.kind})")

    def _prompt(self, version: int, since: datetime, why: str) -> None:
        served_until = None
        shares: dict[int, float] = {}
        for at, endpoint, now in self.of.exposure:
            if endpoint == ENDPOINT:
                if at > since and shares.get(version, 0) > 0:
                    served_until = at
                shares = now
        if served_until is not None and served_until - since > PROMPT + self.spared:
            self._no("what is not to serve goes at once", f"v{version} served for {served_until - since} after {why}")

    def _commands(self, record: RolloutRecord) -> None:
        if record.outcome == "promoted" and str(record.id) in self.of.aborted:
            self._no("an abort is obeyed", f"{record.id} was aborted and promoted")
        self._pauses(record)
        closed = record.closed_at or record.opened_at
        soon = timedelta(seconds=60) + self.spared
        for at, until in self._rejected(record.id.version) if record.outcome == "promoted" else ():
            if record.opened_at < at < min(closed, until or closed) - soon:
                self._no("a rejection is obeyed", f"{record.id} was rejected {closed - at} before it was promoted")
        if "on_new_version is reject" in record.reason:
            named = [
                each for each in self.records if f"{each.id}" in record.reason.split(" is under way")[0].split(", ")
            ]
            if named and all(each.opened_at > record.opened_at for each in named):
                self._no("the first approval wins if the policy is reject", f"{record.id}: {record.reason}")

    def _rejected(self, version: int) -> Iterator[tuple[datetime, datetime | None]]:
        """When each rejection was given, and when a person took it back."""
        made = self.of.decisions[version]
        for number, (at, what) in enumerate(made):
            if what == "Rejected":
                yield at, next((later for later, other in made[number:] if other == "Approved"), None)

    def _pauses(self, record: RolloutRecord) -> None:
        """From a pause that was accepted until the next command no stage, no promotion and no new fleet begins."""
        given = [(at, kind) for at, rollout, kind in self.of.commands if rollout == str(record.id)]
        ends = [*(at for at, _ in given), self.of.clock.at][1:]
        promoted = [record.closed_at] if record.outcome == "promoted" and record.closed_at else []
        begins = [*record.shifting_at.values(), *promoted, *self._replaced(record)]
        for (at, kind), until in zip(given, ends, strict=True):
            if kind == "pause" and any(at < begun < until for begun in begins):
                self._no("a pause is obeyed", f"{record.id} was paused at {at:%H:%M:%S} and went on")

    def _replaced(self, record: RolloutRecord) -> list[datetime]:
        """When the fleet of a version without stages took over; nothing of it can be said if it served before."""
        attempts = [each for each in self.records if each.id.version == record.id.version]
        if record.plan is None or record.plan.stages or len(attempts) > 1 or self.of.by_hand:
            return []
        version = record.id.version
        return [at for at, name, shares in self.of.exposure if name == ENDPOINT and shares.get(version, 0) > 0][:1]

    def _one_for_one(self) -> None:
        """Each approval opens one rollout: neither a replayed event nor a note on the version opens another."""
        for version, decisions in self.of.decisions.items():
            approvals = sum(what == "Approved" for _, what in decisions)
            own = [str(each.id) for each in self.records if each.id.version == version and not each.urgent]
            if len(own) > approvals:
                self._no("one approval opens one rollout", f"v{version} was approved {approvals} times: {own}")

    def _approvals(self) -> None:
        """Every approval that stands was rolled out, or there is a rollout that says why not."""
        for version, decisions in self.of.decisions.items():
            package = self.packages.get(version)
            if package is None or not package.is_approved or decisions[-1][1] != "Approved" or self.of.by_hand:
                continue
            own = [each for each in self.records if each.id.version == version]
            ignored = self.of.ports.approvals.is_ignored(package.arn)
            later = (at for other, made in self.of.decisions.items() for at, what in made if what == "Approved")
            if not own and not ignored and decisions[-1][0] == max(later):
                self._no("every approval is rolled out", f"v{version} was approved, and nothing followed")
            since = self._approved_anew(version)
            if since is None or not own or self._is_in_use(version):
                continue
            if not any(each.closed_at and each.closed_at > since for each in own):
                self._no("an approval again is rolled out", f"v{version} was approved again, and nothing followed")

    def _is_in_use(self, version: int) -> bool:
        """Whether it serves, or is the model of the batch runs to come: then there is nothing to roll out."""
        last = self.of.ports.store.last_promotion("fraud")
        is_batch = last is not None and last.plan is not None and last.plan.engine == "batch"
        return self.shares.get(version, 0) > 0 or (is_batch and last is not None and last.id.version == version)

    def _approved_anew(self, version: int) -> datetime | None:
        """When the version became Approved after it was not, last."""
        before, found = "", None
        for at, approval in self.of.decisions[version]:
            if approval == "Approved" and before == "Rejected":
                found = at
            before = approval
        return found

    def _blame(self) -> None:
        """A version is rejected for its own faults only."""
        for version, package in self.packages.items():
            is_blamed = package.approval == "Rejected" and package.description.startswith("Rollout ")
            own = version in self.of.scenario.bad or version in self.of.scenario.broken or version in self.of.rang
            if is_blamed and not own and not self._is_excused(version):
                self._no("a version is blamed for its own faults only", f"v{version}: {package.description[:200]}")
            if is_blamed and self.of.decisions[version][-1][1] == "Approved":
                closed = [each.closed_at for each in self.records if each.id.version == version and each.closed_at]
                fenced = [each.fence.at for each in self.records if each.id.version == version and each.fence]
                approved = self.of.decisions[version][-1][0]
                is_gone = self._is_told_or_lost(package.arn, approved)
                if fenced and closed and max(fenced) < approved < max(closed) and not is_gone:
                    self._no("an approval during a rollback stands", f"v{version} was approved again, and is Rejected")

    def _is_told_or_lost(self, arn: str, approved: datetime) -> bool:
        """Whether an approval came within the change that overwrites it, which nobody can prevent, and was told."""
        within = any(
            where == "roll_back: reject" and at <= approved <= at + timedelta(seconds=each.seconds)
            for at, each, where in self.of.met
        )
        is_lost = any(each.what == "event lost" or each.of == "unheard" for _, each, _ in self.of.met)
        return within and (is_lost or self.of.ports.approvals.is_ignored(arn, approved))

    def _is_excused(self, version: int) -> bool:
        """People stopped it, or it met what is its own: then a rejection is what the documents promise."""
        fences = [each.fence for each in self.records if each.id.version == version]
        if self.of.by_hand or any(each.what in EXCUSES for _, each, _ in self.of.met):
            return True
        return any(
            fence is not None and (fence.kind in ("alarm", "aborted", "judge") or "by hand" in fence.reason)
            for fence in fences
        )

    def _rejections(self) -> None:
        """A rejected version serves no more soon, if another good one is there and nobody stops the way back."""
        ways_back = {str(each.id) for each in self.records if each.urgent}
        paused = {rollout for _, rollout, kind in self.of.commands if kind == "pause"}
        if ways_back & (self.of.aborted | paused):
            return
        for version, decisions in self.of.decisions.items():
            if not decisions or decisions[-1][1] != "Rejected" or self.of.by_hand:
                continue
            others = [
                each
                for each in self.records
                if each.outcome == "promoted" and each.id.version != version and each.id.version in self._good()
            ]
            rejected = decisions[-1][0]
            if any(each.closed_at and each.closed_at < rejected for each in others):
                self._prompt(version, rejected, "its rejection")
