"""The entry point of every function: gives the task its ports, and logs its result or error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from sluice.aws.clients import Boto3Clients, lazy_clients
from sluice.bootstrap.cold_start import collector_paused
from sluice.bootstrap.environment import Environment
from sluice.errors import AccessRefusedError, AwsRefusedError
from sluice.telemetry.powertools import PowertoolsTelemetry

Ports = TypeVar("Ports")
Result = TypeVar("Result", bound=Mapping[str, Any])


def entry(
    function: str,
    run: Callable[[Mapping[str, Any], Ports], Result],
    make_ports: Callable[[Environment], Ports],
    *,
    certain: tuple[str, ...] = (),
) -> Callable[[Mapping[str, Any], Any], Result]:
    """Make the handler that Lambda calls. Each invocation logs one line: its result, or the error that ended it.

    ``certain`` names the ports that every invocation uses. They and their clients are made while Lambda starts the
    environment, with more CPU than an invocation has; all others when they are first used.
    """

    @cache
    def joined() -> tuple[PowertoolsTelemetry, Ports]:
        telemetry = PowertoolsTelemetry(os.environ["SLUICE_STAGE"], function)
        clients, services = Boto3Clients(), set[str]()
        lazy = lazy_clients(clients)

        def client(service: str) -> Any:
            services.add(service)
            return lazy(service)

        ports = make_ports(
            Environment(variables=os.environ, client=client, now=lambda: datetime.now(UTC), telemetry=telemetry)
        )
        for name in certain:
            getattr(ports, name)
        for service in sorted(services):
            clients(service)
        return telemetry, ports

    def handler(event: Mapping[str, Any], context: Any) -> Result:
        telemetry, ports = joined()
        telemetry.begin(event, context)
        try:
            with access_refusals_retried():
                result = run(event, ports)
        except Exception as error:
            telemetry.error(f"{function} failed", error=type(error).__name__)
            raise
        telemetry.log(f"{function} done", **summary(result))
        return result

    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        with collector_paused():
            joined()
    if os.environ.get("SLUICE_TRACING") != "Active":
        return handler
    from sluice.telemetry.tracing import traced  # only here: it is not to cost those who do not trace

    return traced(handler)


@contextmanager
def access_refusals_retried() -> Iterator[None]:
    """What a policy does not allow may be allowed in seconds, so whoever calls the function is told to retry it.

    Here and not where AWS answers: some of its callers know what a refusal of their call means.
    """
    try:
        yield
    except AwsRefusedError as error:
        if error.is_access_refusal:
            raise AccessRefusedError(str(error)) from error
        raise


def summary(result: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a result that are logged: its plain fields, and how many messages of a batch failed."""
    plain = {name: value for name, value in result.items() if isinstance(value, str | int | float | bool)}
    if "stage" in plain:
        plain["rollout_stage"] = str(plain.pop("stage"))  # every line has the stack's stage under that name
    if "batchItemFailures" in result:
        plain["failed_messages"] = len(result["batchItemFailures"])
    return plain
