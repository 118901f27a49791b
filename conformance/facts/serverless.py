"""Facts about serverless endpoints."""

from __future__ import annotations

from conformance.account import Account, refusal
from conformance.fact import Bill, Fact, Group, Observation, confirmed_if, still_open
from conformance.hosting import (
    ask,
    errors_after_good_requests,
    make_config,
    make_endpoint,
    make_model,
    metric_names,
)

ALL = "all"
DOCUMENTED = frozenset(
    {
        "Invocations",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ModelLatency",
        "OverheadLatency",
        "ModelSetupTime",
        "MemoryUtilization",
        "ServerlessConcurrentExecutionsUtilization",
    }
)
"""https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html"""


def _endpoint(account: Account) -> str:
    return account.shared("serverless", lambda: _made(account))


def _made(account: Account) -> str:
    model = make_model(account, "small")
    shape = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    config = make_config(account, "serverless", [{"VariantName": ALL, "ModelName": model, "ServerlessConfig": shape}])
    return make_endpoint(account, "serverless", config)


def errors_without_a_failure(account: Account) -> Observation:
    """Which error metrics there are after answers only. It comes before all that fails."""
    endpoint = _endpoint(account)
    ask(account, endpoint, "1,2")
    return errors_after_good_requests(account, endpoint, ALL)


def metrics_of_serverless(account: Account) -> Observation:
    """Which metrics there are after a failure and an answer."""
    endpoint = _endpoint(account)
    failure = refusal(lambda: ask(account, endpoint, "fail"))
    ask(account, endpoint, "1,2")
    wanted = {"Invocations", "Invocation5XXErrors"}
    found = account.eventually(lambda: names if wanted <= (names := metric_names(account, endpoint, ALL)) else None)
    if found is None:
        return still_open(f"CloudWatch has no {' and '.join(sorted(wanted))}; the failure was {failure}")
    return confirmed_if(found <= DOCUMENTED, f"metrics: {', '.join(sorted(found))}")


SERVERLESS = Group(
    name="serverless",
    bill=Bill(dollars=0.02, minutes=15, what_for="a few seconds of 2 GB"),
    facts=(
        Fact(
            name="serverless-errors-of-zero",
            statement="A serverless endpoint that has answered every request has both error metrics.",
            matters="Nothing: an error metric without data counts as 0. Alarms and the judge read both.",
            check=errors_without_a_failure,
        ),
        Fact(
            name="serverless-metrics",
            statement="A serverless endpoint publishes the documented metrics only: no InvocationModelErrors.",
            matters="The alarms of serverless endpoints read Invocation4XXErrors and Invocation5XXErrors.",
            check=metrics_of_serverless,
        ),
    ),
)
