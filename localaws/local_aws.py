"""The local AWS, put together: context, services, gateway and HTTP server."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from localaws.context import Context, Interpreters
from localaws.default_services import shipped_services
from localaws.gateway.authoriser import RoleAuthoriser
from localaws.gateway.clients import Clients
from localaws.gateway.faults import Faults
from localaws.gateway.gateway import Gateway
from localaws.gateway.http_server import HttpServer
from localaws.gateway.record import CallLog
from localaws.iam.grants import Grant, compare
from localaws.iam.identity import Identities
from localaws.iam.permissions.trust import refuse_untrusting_role
from localaws.iam.policy import parse_policy
from localaws.moto import s3_events
from localaws.moto.backend import MotoBackend
from localaws.moto.checksums import correct_checksums
from localaws.moto.dynamodb_transactions import speed_up_transactions
from localaws.moto.emitter import Emitter
from localaws.moto.iam_policies import MotoRolePolicies, make_aws_managed_policies_on_demand
from localaws.moto.log_store import MotoLogStore
from localaws.moto.put_bodies import keep_bodies_of_puts
from localaws.moto.s3_copies import limit_copies
from localaws.moto.s3_key_length import limit_keys
from localaws.moto.s3_keys import MotoObjectKeys
from localaws.moto.sns_deliveries import ask_policies_of_queues
from localaws.moto.sqs_queues import keep_policies_of_queues, speed_up_queues
from localaws.moto.step_functions import StateMachines
from localaws.moto.table_keys import partition_keys
from localaws.runtime.process import ProcessTable
from localaws.service_api import Service
from localaws.services.cloudtrail import CloudTrail
from localaws.services.logs.service import LogSearches
from localaws.services.policy_simulator import PolicySimulator
from localaws.services.sts import SecurityTokens

ACCOUNT = "123456789012"
_only_one = threading.Lock()  # moto's state is global: a second local AWS of a process would empty the first
_where: list[Path] = []  # the one that runs


class _Missing:
    """Stands in for the bus and the metrics until their services exist; any use before is an error."""

    def put(self, **_event: object) -> None:
        raise RuntimeError("no event bus: compose the local AWS with a service that is one")

    def record(self, *_sample: object, **_options: object) -> None:
        raise RuntimeError("no metric sink: compose the local AWS with a service that is one")


class LocalAws:
    """A running local AWS: ``with LocalAws(run_dir, interpreters) as aws: aws.client("s3")``.

    ``services`` makes the services we write ourselves from the context; by default the real ones. Raises OSError when
    the port is taken, and RuntimeError when this process has one that is not stopped yet: moto's state is global.
    """

    def __init__(
        self,
        run_dir: Path,
        interpreters: Interpreters,
        port: int = 0,
        services: Callable[[Context], Sequence[Service]] = shipped_services,
    ) -> None:
        if not _only_one.acquire(blocking=False):
            raise RuntimeError(f"this process runs a local AWS already, in {_where[0]}: they would share moto's state")
        _where[:] = [run_dir]
        try:
            self._make(run_dir, interpreters, port, services)
        except BaseException:
            _only_one.release()
            raise
        self._is_stopped = False

    def _make(
        self, run_dir: Path, interpreters: Interpreters, port: int, services: Callable[[Context], Sequence[Service]]
    ) -> None:
        self._stopping = threading.Event()
        self.region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        self.recorded = CallLog()
        self.faults = Faults()
        self.identities = Identities(ACCOUNT)
        self.moto = MotoBackend(self._stopping)
        self._policies = MotoRolePolicies(ACCOUNT, self.moto.lock("iam"))
        self._gateway = Gateway(
            account=ACCOUNT,
            identities=self.identities,
            authoriser=RoleAuthoriser(self._policies, MotoObjectKeys(ACCOUNT), partition_keys(ACCOUNT, self.region)),
            fallback=self.moto,
            faults=self.faults,
            record=self.recorded,
            region=self.region,
        )
        self._http = HttpServer(self._gateway, port)
        self.endpoint_url = f"http://127.0.0.1:{self._http.port}"
        self.clients = Clients(self.identities, self.endpoint_url, self.region)
        self._processes = ProcessTable()
        self.context = self._make_context(run_dir, interpreters)
        self._emitter = Emitter(self.context)
        self.services = [*self._correct_moto(), CloudTrail(self.recorded), *services(self.context)]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def _correct_moto(self) -> list[Service]:
        s3_events.connect(self._emitter.emit)
        limit_copies(self.context.choices)
        limit_keys()
        state_machines = StateMachines(self.context, self.clients, self._emitter.emit, self.moto.lock("stepfunctions"))
        self.moto.wait_for("stepfunctions", state_machines.wait_until_loaded)
        make_aws_managed_policies_on_demand()
        correct_checksums()
        keep_bodies_of_puts()
        speed_up_transactions()
        speed_up_queues()
        keep_policies_of_queues()
        ask_policies_of_queues(self.context, self.moto.lock("sqs"))
        logs = MotoLogStore(ACCOUNT, self.region, self.moto.lock("logs"))
        tokens = SecurityTokens(self.identities, self._policies)
        return [state_machines, LogSearches(logs, self.context.now), tokens, PolicySimulator(self._policies)]

    def start(self) -> None:
        """Open the gateway and start what the services do in the background."""
        self._gateway.open(self.services)
        self._http.start()
        self.context.background("emit-events", self._emitter.run)
        for service in self.services:
            getattr(service, "start", _nothing)()

    def stop(self) -> None:
        """Stop everything; no process is left, and another local AWS may be made. Once stopped it stays so."""
        if self._is_stopped:
            return
        self._is_stopped = True
        try:
            self._stopping.set()
            self._emitter.close()
            for service in reversed(self.services):
                getattr(service, "stop", _nothing)()
            self._http.stop()
            self._processes.close()
        finally:
            _only_one.release()

    def client(self, service: str, role_arn: str | None = None) -> Any:
        """A botocore client: a role's, or the developer's."""
        return self.clients.as_role(service, role_arn) if role_arn else self.clients.as_developer(service)

    def grants(self, role: str) -> list[Grant]:
        """What the policies of ``role`` (a name) grant, and whether it was used so far."""
        statements = (statement for text in self._policies.documents(role) for statement in parse_policy(text))
        return list(compare(statements, self.recorded.permissions_used(role)))

    def let_roles_settle(self, seconds: float) -> None:
        """From now on a role is of no use for so long after it was made, as IAM is eventually consistent."""
        self._policies.settle_seconds = seconds

    def _make_context(self, run_dir: Path, interpreters: Interpreters) -> Context:
        run_dir = run_dir.absolute()  # what is started in it has other working folders
        run_dir.mkdir(parents=True, exist_ok=True)
        return Context(
            account=ACCOUNT,
            region=self.region,
            endpoint_url=self.endpoint_url,
            run_dir=run_dir,
            interpreters=interpreters,
            stopping=self._stopping,
            processes=self._processes,
            now=lambda: datetime.now(UTC),
            client=self.clients.as_role,
            credentials=self.identities.credentials,
            refuse_role=functools.partial(refuse_untrusting_role, trust_policy=self._policies.trust_policy),
            bus=_Missing(),
            metrics=_Missing(),
        )


def _nothing() -> None:
    """Stands for a start or stop that a service does not have."""
