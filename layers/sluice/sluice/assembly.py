"""Joins the parts of a running function: the one place that knows the environment and the AWS clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sluice.async_endpoint import AsyncPlaces, AsyncQueue, AsyncRuntime
from sluice.async_store import ResultStore
from sluice.autoscaling import AutoScaling
from sluice.aws import Clients, reached
from sluice.batch_files import BatchFiles
from sluice.batch_store import BatchStore
from sluice.captures import Captures
from sluice.dataset import Bucket
from sluice.endpoint import Hosting
from sluice.events import Publisher
from sluice.executions import Executions
from sluice.gates import GateFunctions
from sluice.metrics import Metrics
from sluice.names import Names
from sluice.outcome_store import OutcomeStore
from sluice.parked import Parked
from sluice.pipelines import Pipelines
from sluice.quarantine import Quarantine
from sluice.registry import Registry
from sluice.run_source import RunSource
from sluice.run_store import RunStore
from sluice.specs import Specs
from sluice.store import Store
from sluice.table import Table
from sluice.transforms import Transforms
from sluice.turns import Turns
from sluice.waiting import WaitingList
from sluice.wakeups import WakeUps


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a function may talk to. Adapters are cheap to make; their clients are made when first used."""

    names: Names
    now: Callable[[], datetime]
    store: Store
    specs: Specs
    hosting: Hosting
    registry: Registry
    metrics: Metrics
    scaling: AutoScaling
    events: Publisher
    gates: GateFunctions
    executions: Executions
    pipelines: Pipelines
    turns: Turns
    waiting: WaitingList
    wakeups: WakeUps
    bucket: Bucket
    captures: Captures
    quarantine: Quarantine
    run_source: RunSource
    runs: RunStore
    results: ResultStore
    async_runtime: AsyncRuntime
    async_queue: AsyncQueue
    async_places: AsyncPlaces
    batches: BatchStore
    files: BatchFiles
    transforms: Transforms
    outcomes: OutcomeStore
    refused_outcomes: Parked
    model_role_arn: str


class _Lazy:
    """A client made at its first use, so that a function pays only for the services it calls."""

    def __init__(self, clients: Callable[[str], Any], service: str) -> None:
        self._clients = clients
        self._service = service

    def __getattr__(self, operation: str) -> Any:
        return reached(getattr(self._clients(self._service), operation))


def assemble(environ: Mapping[str, str], clients: Callable[[str], Any], now: Callable[[], datetime]) -> Ports:
    """Ports from SLUICE_STAGE, SLUICE_TABLE and, where a function has them, bucket, queue and ARNs."""
    names = Names(environ["SLUICE_STAGE"])

    def client(service: str) -> _Lazy:
        return _Lazy(clients, service)

    table = Table(client("dynamodb"), environ["SLUICE_TABLE"])
    metrics = Metrics(client("cloudwatch"))
    return Ports(
        names=names,
        now=now,
        store=Store(table),
        runs=RunStore(table),
        run_source=RunSource(client("sagemaker")),
        specs=Specs(client("ssm"), names),
        hosting=Hosting(client("sagemaker")),
        registry=Registry(client("sagemaker")),
        metrics=metrics,
        scaling=AutoScaling(client("application-autoscaling"), metrics, names),
        events=Publisher(client("events"), names),
        gates=GateFunctions(client("lambda")),
        executions=Executions(client("stepfunctions"), environ.get("SLUICE_STATE_MACHINE_ARN", "")),
        pipelines=Pipelines(client("sagemaker")),
        turns=Turns(table),
        waiting=WaitingList(table),
        wakeups=WakeUps(client("sqs"), environ.get("SLUICE_UPLOAD_QUEUE_URL", "")),
        bucket=Bucket(client("s3"), environ.get("SLUICE_BUCKET", "")),
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
        refused_outcomes=Parked(client("sqs"), environ.get("SLUICE_REFUSED_OUTCOMES_URL", "")),
        model_role_arn=environ.get("SLUICE_MODEL_ROLE_ARN", ""),
    )


@cache
def live_ports() -> Ports:
    """The ports of this execution environment, kept while it is warm."""
    return assemble(os.environ, Clients(), lambda: datetime.now(UTC))
