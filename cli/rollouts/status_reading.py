"""Asks AWS for the status of models: of a model that is watched, seldom for what seldom changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from sluice.aws.cloudwatch import CloudWatch
from sluice.aws.dynamodb import Table
from sluice.batch.store import BatchStore
from sluice.endpoint.hosting import Endpoints
from sluice.endpoint.state import EndpointState
from sluice.errors import AwsRefusedError
from sluice.pipeline_runs.store import RunStore
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.live_version import last_endpoint
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.model.store import RecordStore
from sluice.spec.model import ModelSpec

from cli.apply.removed_stack import notes_on_a_removed_stack
from cli.inference.batch_view import batch_status
from cli.rollouts.endpoint_view import ServingNow, read_scaling
from cli.rollouts.silent_alarms import silence
from cli.rollouts.status_view import ModelStatus, current_of
from cli.session import CliSession, Stack
from cli.training import executions, packages
from cli.training.data import QuarantinedFiles, quarantined

_SHOWN = 5
_LISTED = 10  # come in one page anyway
_KEPT = timedelta(seconds=60)
"""How long a watch goes on with versions, runs and the like, unless the rollout or the endpoint changes meanwhile."""
_KEPT_WHILE_RUNNING = timedelta(seconds=10)
"""The same while the pipeline runs."""


class StatusReader:
    """The status of the models of one stage."""

    def __init__(self, session: CliSession, stack: Stack) -> None:
        table = Table(session.clients("dynamodb"), stack.table)
        self._session, self._stack, self._bucket = session, stack, stack.bucket
        self._records, self._histories = RecordStore(table), HistoryStore(table)
        self._runs, self._batches = RunStore(table), BatchStore(table)
        self._endpoints = Endpoints(session.clients("sagemaker"))
        self._last: ModelStatus | None = None
        self._all_at: datetime | None = None

    def line(self, model: str) -> ModelStatus:
        """What the overview of all models shows of one, in as few calls as there can be."""
        rollouts, endpoint = self._rollouts(model)
        versions = packages.list_versions(self._session, model, most=_LISTED)
        return ModelStatus(
            model=model,
            endpoint=endpoint,
            rollouts=rollouts[:_SHOWN],
            history=[],
            versions=versions,
            runs=executions.list_executions(self._session, model, most=1),
            steps=[],
            batch=batch_status(rollouts, islice(self._batches.runs(model), 1)),
            served=self._served(endpoint.state, versions, rollouts),
        )

    def watched(self, spec: ModelSpec) -> ModelStatus:
        """Everything about one model; asked again soon, only what a rollout changes is read anew."""
        rollouts, endpoint = self._rollouts(spec.name)
        last, now = self._last, self._session.now()
        is_running = last is not None and any(not one.has_ended for one in last.runs[:1])
        kept = _KEPT_WHILE_RUNNING if is_running else _KEPT
        is_fresh = self._all_at is not None and now - self._all_at < kept
        if last is None or not is_fresh or (rollouts[:_SHOWN], endpoint.state) != (last.rollouts, last.endpoint.state):
            self._all_at = now
            self._last = self._whole(spec, rollouts, endpoint)
        else:
            self._last = replace(last, history=self._history(rollouts))
        return self._last

    def _whole(self, spec: ModelSpec, rollouts: list[RolloutRecord], endpoint: ServingNow) -> ModelStatus:
        session, model = self._session, spec.name
        listed = packages.list_versions(session, model, most=_SHOWN)
        versions = [packages.with_details(session, one) for one in listed]
        runs = self._with_reasons(model, executions.list_executions(session, model, most=_SHOWN))
        return ModelStatus(
            model=model,
            endpoint=replace(endpoint, scaled=read_scaling(session, endpoint)),
            rollouts=rollouts[:_SHOWN],
            history=self._history(rollouts),
            versions=versions,
            runs=runs,
            steps=executions.list_steps(session, runs[0].arn) if runs else [],
            batch=batch_status(rollouts, islice(self._batches.runs(model), _SHOWN)),
            served=self._served(endpoint.state, versions, rollouts),
            quarantine=self._quarantined(model),
            notes=(*notes_on_a_removed_stack(session, self._stack, spec), *_silent_alarms(spec, session)),
        )

    def _rollouts(self, model: str) -> tuple[list[RolloutRecord], ServingNow]:
        """The rollouts, the last one opened first, and the endpoint that the last promotion left.

        Going back to an older version opens a rollout of it, so the newest is not that of the newest version.
        """
        rollouts = sorted(self._records.rollouts(model), key=lambda one: one.opened_at, reverse=True)
        name = last_endpoint(rollouts) or self._session.names.endpoint(model)
        return rollouts, ServingNow(name=name, state=self._endpoints.describe(name), scaled={})

    def _history(self, rollouts: Sequence[RolloutRecord]) -> list[dict[str, object]]:
        return self._histories.entries(current_of(rollouts).id) if rollouts else []

    def _quarantined(self, model: str) -> QuarantinedFiles:
        try:
            return quarantined(self._session, self._bucket, model, most=_SHOWN)
        except AwsRefusedError:  # who may see the rollout may not see the data
            return QuarantinedFiles()

    def _with_reasons(self, model: str, listed: Sequence[executions.Execution]) -> list[executions.Execution]:
        """The runs with the reasons that are recorded, which name the step and the gate; SageMaker's list does not."""
        recorded = {one.execution: one.reason for one in islice(self._runs.runs(model), _SHOWN)}
        return [replace(one, reason=recorded.get(one.arn) or one.reason) for one in listed]

    def _served(
        self,
        state: EndpointState | None,
        versions: Iterable[packages.Version],
        rollouts: Iterable[RolloutRecord],
    ) -> Mapping[int, str]:
        """The versions that the endpoint serves, each with its approval in the registry; empty if that is not known."""
        names = self._session.names
        served = {names.version_served(each.name, each.model) for each in state.variants} if state else set()
        known = {one.number: one.approval for one in versions}
        arns = {one.id.version: one.package_arn for one in rollouts}
        return {
            number: known[number] if number in known else self._approval(arns.get(number))
            for number in sorted(each for each in served if each is not None)
        }

    def _approval(self, arn: str | None) -> str:
        if arn is None:
            return ""
        try:
            found = self._session.clients("sagemaker").describe_model_package(ModelPackageName=arn)
        except AwsRefusedError:  # the version was deleted
            return ""
        return str(found.get("ModelApprovalStatus", ""))


def _silent_alarms(spec: ModelSpec, session: CliSession) -> tuple[str, ...]:
    """Sentences about the alarms that the spec names and that have no data; none if the user may not see alarms."""
    also = spec.rollout.alarms.also
    if not also:
        return ()
    try:
        return silence(CloudWatch(session.clients("cloudwatch")).silent_alarms(also))
    except AwsRefusedError:
        return ()
