"""The AWS adapters behind every port: the only place that decides which class implements which port."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sluice.bootstrap.environment import Environment
from sluice.names import Names
from sluice.telemetry.port import Telemetry

if TYPE_CHECKING:
    from sluice.async_inference.runtime import AsyncPlaces, AsyncRuntime
    from sluice.async_inference.store import ResultStore
    from sluice.aws.cloudwatch import CloudWatch
    from sluice.aws.data_capture import Captures
    from sluice.aws.dynamodb import Table
    from sluice.aws.eventbridge import EventPublisher
    from sluice.aws.model_registry import ModelRegistry
    from sluice.aws.s3 import DataBucket
    from sluice.aws.sqs import AsyncQueue, ParkedMessages, UploadQueue
    from sluice.batch.store import BatchStore
    from sluice.endpoint.autoscaling import AutoScaling
    from sluice.endpoint.hosting import Endpoints
    from sluice.pipeline_runs.reader import RunReader
    from sluice.pipeline_runs.store import RunStore
    from sluice.rollout.ab_outcomes.store import OutcomeStore
    from sluice.rollout.gates.gate_functions import GateFunctions
    from sluice.rollout.model.approval_store import ApprovalStatusStore
    from sluice.rollout.model.endpoint_lock import EndpointLocks
    from sluice.rollout.model.executions import Executions
    from sluice.rollout.model.history import HistoryStore
    from sluice.rollout.model.store import RecordStore
    from sluice.rollout.planning.origin import TrustedOrigins
    from sluice.spec.parameter_store import SpecStore
    from sluice.sweep.progress import SweepProgressStore
    from sluice.training.pending_inputs import PendingInputStore
    from sluice.training.pipeline_executions import PipelineExecutions
    from sluice.training.quarantine import Quarantine
    from sluice.training.run_slot_store import RunSlotStore
    from sluice.transform.files import BatchFiles
    from sluice.transform.jobs import Transforms


class Adapters:
    """Imports and creates each adapter on its first use: a function loads no more than it uses.

    The ``<feature>_ports`` functions return them typed as one feature's protocol, with only the methods it calls.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._client = environment.client

    def _variable(self, name: str) -> str:
        """An environment variable; empty if the function has none, because it then makes no call that needs it."""
        return self._environment.variables.get(name, "")

    @property
    def names(self) -> Names:
        return self._environment.names

    @property
    def now(self) -> Callable[[], datetime]:
        return self._environment.now

    @property
    def telemetry(self) -> Telemetry:
        return self._environment.telemetry

    @property
    def model_role_arn(self) -> str:
        return self._variable("SLUICE_MODEL_ROLE_ARN")

    @property
    def serverless_role_arn(self) -> str:
        return self._variable("SLUICE_SERVERLESS_ROLE_ARN")

    @cached_property
    def _table(self) -> Table:
        from sluice.aws.dynamodb import Table

        return Table(self._client("dynamodb"), self._environment.variables["SLUICE_TABLE"])

    @cached_property
    def _results_table(self) -> Table:
        from sluice.aws.dynamodb import Table

        return Table(self._client("dynamodb"), self._variable("SLUICE_RESULTS_TABLE"))

    @cached_property
    def store(self) -> RecordStore:
        from sluice.rollout.model.store import RecordStore

        return RecordStore(self._table)

    @cached_property
    def history(self) -> HistoryStore:
        from sluice.rollout.model.history import HistoryStore

        return HistoryStore(self._table)

    @cached_property
    def approvals(self) -> ApprovalStatusStore:
        from sluice.rollout.model.approval_store import ApprovalStatusStore

        return ApprovalStatusStore(self._table)

    @cached_property
    def locks(self) -> EndpointLocks:
        from sluice.rollout.model.endpoint_lock import EndpointLocks

        return EndpointLocks(self._table)

    @cached_property
    def runs(self) -> RunStore:
        from sluice.pipeline_runs.store import RunStore

        return RunStore(self._table)

    @cached_property
    def run_reader(self) -> RunReader:
        from sluice.pipeline_runs.reader import RunReader

        return RunReader(self._client("sagemaker"))

    @cached_property
    def specs(self) -> SpecStore:
        from sluice.spec.parameter_store import SpecStore

        return SpecStore(self._client("ssm"), self.names)

    @cached_property
    def hosting(self) -> Endpoints:
        from sluice.endpoint.hosting import Endpoints

        return Endpoints(self._client("sagemaker"))

    @cached_property
    def registry(self) -> ModelRegistry:
        from sluice.aws.model_registry import ModelRegistry

        return ModelRegistry(self._client("sagemaker"))

    @cached_property
    def metrics(self) -> CloudWatch:
        from sluice.aws.cloudwatch import CloudWatch

        return CloudWatch(self._client("cloudwatch"))

    @cached_property
    def scaling(self) -> AutoScaling:
        from sluice.endpoint.autoscaling import AutoScaling

        return AutoScaling(self._client("application-autoscaling"), self.metrics, self.names)

    @cached_property
    def events(self) -> EventPublisher:
        from sluice.aws.eventbridge import EventPublisher

        return EventPublisher(self._client("events"), self.names)

    @cached_property
    def gates(self) -> GateFunctions:
        from sluice.rollout.gates.gate_functions import GateFunctions

        return GateFunctions(self._client("lambda"))

    @cached_property
    def executions(self) -> Executions:
        from sluice.rollout.model.executions import Executions

        return Executions(self._client("stepfunctions"), self._variable("SLUICE_STATE_MACHINE_ARN"))

    @cached_property
    def pipelines(self) -> PipelineExecutions:
        from sluice.training.pipeline_executions import PipelineExecutions

        return PipelineExecutions(self._client("sagemaker"))

    @cached_property
    def run_slots(self) -> RunSlotStore:
        from sluice.training.run_slot_store import RunSlotStore

        return RunSlotStore(self._table)

    @cached_property
    def pending_inputs(self) -> PendingInputStore:
        from sluice.training.pending_inputs import PendingInputStore

        return PendingInputStore(self._table)

    @cached_property
    def wakeups(self) -> UploadQueue:
        from sluice.aws.sqs import UploadQueue

        return UploadQueue(self._client("sqs"), self._variable("SLUICE_UPLOAD_QUEUE_URL"))

    @cached_property
    def bucket(self) -> DataBucket:
        from sluice.aws.s3 import DataBucket

        return DataBucket(self._client("s3"), self._variable("SLUICE_BUCKET"))

    @cached_property
    def trusted(self) -> TrustedOrigins:
        from sluice.rollout.planning.origin import TrustedOrigins

        images, artifacts = (self._environment.variables[f"SLUICE_TRUSTED_{name}"] for name in ("IMAGES", "ARTIFACTS"))
        return TrustedOrigins.parse(self._variable("SLUICE_BUCKET"), images, artifacts)

    @cached_property
    def captures(self) -> Captures:
        from sluice.aws.data_capture import Captures

        return Captures(self._client("s3"), self._variable("SLUICE_BUCKET"))

    @cached_property
    def quarantine(self) -> Quarantine:
        from sluice.training.quarantine import Quarantine

        return Quarantine(self._client("s3"))

    @cached_property
    def results(self) -> ResultStore:
        from sluice.async_inference.store import ResultStore

        return ResultStore(self._results_table)

    @cached_property
    def async_runtime(self) -> AsyncRuntime:
        from sluice.async_inference.runtime import AsyncRuntime

        return AsyncRuntime(self._client("sagemaker-runtime"))

    @cached_property
    def async_queue(self) -> AsyncQueue:
        from sluice.aws.sqs import AsyncQueue

        return AsyncQueue(self._client("sqs"), self._variable("SLUICE_ASYNC_QUEUE_URL"))

    @cached_property
    def async_places(self) -> AsyncPlaces:
        from sluice.async_inference.runtime import AsyncPlaces

        return AsyncPlaces(
            bucket=self._variable("SLUICE_BUCKET"),
            success_topic=self._variable("SLUICE_ASYNC_SUCCESS_TOPIC"),
            error_topic=self._variable("SLUICE_ASYNC_ERROR_TOPIC"),
        )

    @cached_property
    def batches(self) -> BatchStore:
        from sluice.batch.store import BatchStore

        return BatchStore(self._table)

    @cached_property
    def files(self) -> BatchFiles:
        from sluice.transform.files import BatchFiles

        return BatchFiles(self._client("s3"), self._variable("SLUICE_BUCKET"))

    @cached_property
    def transforms(self) -> Transforms:
        from sluice.transform.jobs import Transforms

        return Transforms(self._client("sagemaker"))

    @cached_property
    def sweep_progress(self) -> SweepProgressStore:
        from sluice.sweep.progress import SweepProgressStore

        return SweepProgressStore(self._table)

    @cached_property
    def outcomes(self) -> OutcomeStore:
        from sluice.rollout.ab_outcomes.store import OutcomeStore

        return OutcomeStore(self._results_table)

    @cached_property
    def refused_outcomes(self) -> ParkedMessages:
        from sluice.aws.sqs import ParkedMessages

        return ParkedMessages(self._client("sqs"), self._variable("SLUICE_REFUSED_OUTCOMES_URL"))
