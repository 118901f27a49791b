"""Facts about serverless endpoints."""

from __future__ import annotations

from conformance.account import Account, refusal
from conformance.fact import Bill, Fact, Group, Observation, confirmed_if, still_open
from conformance.hosting import ask, make_config, make_endpoint, make_model, metric_names

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


def metrics_of_serverless(account: Account) -> Observation:
    """Which metrics there are after a failure and an answer."""
    model = make_model(account, "small")
    shape = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    config = make_config(account, "serverless", [{"VariantName": ALL, "ModelName": model, "ServerlessConfig": shape}])
    endpoint = make_endpoint(account, "serverless", config)
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
            name="serverless-metrics",
            statement="A serverless endpoint publishes the documented metrics only: no InvocationModelErrors.",
            matters="The alarms of serverless endpoints read Invocation4XXErrors and Invocation5XXErrors.",
            check=metrics_of_serverless,
        ),
    ),
)
