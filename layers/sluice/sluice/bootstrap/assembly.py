"""Joins the parts of a running function: the one place that knows the environment and the AWS clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sluice.async_inference.runtime import AsyncPlaces, AsyncRuntime
from sluice.async_inference.store import ResultStore
from sluice.aws.clients import Boto3Clients, lazy_clients
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
from sluice.names import Names
from sluice.pipeline_runs.reader import RunReader
from sluice.pipeline_runs.store import RunStore
from sluice.rollout.ab_outcomes.store import OutcomeStore
from sluice.rollout.gates.gate_functions import GateFunctions
from sluice.rollout.model.endpoint_lock import EndpointLocks
from sluice.rollout.model.executions import Executions
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.store import RecordStore
from sluice.spec.parameter_store import SpecStore
from sluice.telemetry.port import Telemetry
from sluice.telemetry.powertools import PowertoolsTelemetry
from sluice.training.pending_inputs import PendingInputStore
from sluice.training.pipeline_executions import PipelineExecutions
from sluice.training.quarantine import Quarantine
from sluice.training.run_slot_store import RunSlotStore
from sluice.transform.files import BatchFiles
from sluice.transform.jobs import Transforms


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a function may talk to. Adapters are cheap to make; their clients are made when first used."""

    names: Names
    now: Callable[[], datetime]
    telemetry: Telemetry
    store: RecordStore
    history: HistoryStore
    locks: EndpointLocks
    specs: SpecStore
    hosting: Endpoints
    registry: ModelRegistry
    metrics: CloudWatch
    scaling: AutoScaling
    events: EventPublisher
    gates: GateFunctions
    executions: Executions
    pipelines: PipelineExecutions
    run_slots: RunSlotStore
    pending_inputs: PendingInputStore
    wakeups: UploadQueue
    bucket: DataBucket
    captures: Captures
    quarantine: Quarantine
    run_reader: RunReader
    runs: RunStore
    results: ResultStore
    async_runtime: AsyncRuntime
    async_queue: AsyncQueue
    async_places: AsyncPlaces
    batches: BatchStore
    files: BatchFiles
    transforms: Transforms
    outcomes: OutcomeStore
    refused_outcomes: ParkedMessages
    model_role_arn: str


def assemble(
    environ: Mapping[str, str], clients: Callable[[str], Any], now: Callable[[], datetime], telemetry: Telemetry
) -> Ports:
    """Ports from SLUICE_STAGE, SLUICE_TABLE and, where a function has them, bucket, queue and ARNs."""
    names = Names(environ["SLUICE_STAGE"])
    client = lazy_clients(clients)
    table = Table(client("dynamodb"), environ["SLUICE_TABLE"])
    metrics = CloudWatch(client("cloudwatch"))
    return Ports(
        names=names,
        now=now,
        telemetry=telemetry,
        store=RecordStore(table),
        history=HistoryStore(table),
        locks=EndpointLocks(table),
        runs=RunStore(table),
        run_reader=RunReader(client("sagemaker")),
        specs=SpecStore(client("ssm"), names),
        hosting=Endpoints(client("sagemaker")),
        registry=ModelRegistry(client("sagemaker")),
        metrics=metrics,
        scaling=AutoScaling(client("application-autoscaling"), metrics, names),
        events=EventPublisher(client("events"), names),
        gates=GateFunctions(client("lambda")),
        executions=Executions(client("stepfunctions"), environ.get("SLUICE_STATE_MACHINE_ARN", "")),
        pipelines=PipelineExecutions(client("sagemaker")),
        run_slots=RunSlotStore(table),
        pending_inputs=PendingInputStore(table),
        wakeups=UploadQueue(client("sqs"), environ.get("SLUICE_UPLOAD_QUEUE_URL", "")),
        bucket=DataBucket(client("s3"), environ.get("SLUICE_BUCKET", "")),
        captures=Captures(client("s3"), environ.get("SLUICE_BUCKET", "")),
        quarantine=Quarantine(client("s3")),
        results=ResultStore(Table(client("dynamodb"), environ.get("SLUICE_RESULTS_TABLE", ""))),
        async_runtime=AsyncRuntime(client("sagemaker-runtime")),
        async_queue=AsyncQueue(client("sqs"), environ.get("SLUICE_ASYNC_QUEUE_URL", "")),
        async_places=AsyncPlaces(
            bucket=environ.get("SLUICE_BUCKET", ""),
            success_topic=environ.get("SLUICE_ASYNC_SUCCESS_TOPIC", ""),
            error_topic=environ.get("SLUICE_ASYNC_ERROR_TOPIC", ""),
        ),
        batches=BatchStore(table),
        files=BatchFiles(client("s3"), environ.get("SLUICE_BUCKET", "")),
        transforms=Transforms(client("sagemaker")),
        outcomes=OutcomeStore(Table(client("dynamodb"), environ.get("SLUICE_RESULTS_TABLE", ""))),
        refused_outcomes=ParkedMessages(client("sqs"), environ.get("SLUICE_REFUSED_OUTCOMES_URL", "")),
        model_role_arn=environ.get("SLUICE_MODEL_ROLE_ARN", ""),
    )


@cache
def live_ports() -> Ports:
    """The ports of this execution environment, kept while it is warm."""
    telemetry = PowertoolsTelemetry(os.environ["SLUICE_STAGE"], os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))
    return assemble(os.environ, Boto3Clients(), lambda: datetime.now(UTC), telemetry)
