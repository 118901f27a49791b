"""Facts about asynchronous endpoints: messages, files, metrics, and time limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from conformance.account import Account, refusal
from conformance.events import Queue, make_queue
from conformance.fact import Bill, Fact, Group, Observation, confirmed_if, still_open
from conformance.hosting import (
    SERVER_TIMEOUT,
    errors_after_good_requests,
    make_config,
    make_endpoint,
    make_model,
    metric_names,
    variant,
)

ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asynchronous:
    """An endpoint and where its notifications arrive."""

    name: str
    messages: Queue


def ended(account: Account, text: str, endpoint: Asynchronous) -> dict[str, Any] | None:
    """The notification of one request."""
    key = f"async/in/{len(text)}-{text.replace(' ', '-')}.csv"
    account.client("s3").put_object(Bucket=account.bucket(), Key=key, Body=text.encode())
    runtime = account.client("sagemaker-runtime")
    accepted = runtime.invoke_endpoint_async(
        EndpointName=endpoint.name, InputLocation=f"s3://{account.bucket()}/{key}", ContentType="text/csv"
    )
    wanted = accepted["InferenceId"]

    def is_it(body: dict[str, Any]) -> bool:
        return bool(json.loads(body["Message"]).get("inferenceId") == wanted)

    message = endpoint.messages.first(is_it, is_certain=True)
    return None if message is None else dict(json.loads(message["Message"]))


def make(account: Account, what: str, seconds: str | None) -> Asynchronous:
    """An endpoint whose server gives a request this many seconds, or what the image gives it."""
    sns, name = account.client("sns"), account.name(f"{what}-ended")
    topic = sns.create_topic(Name=name)["TopicArn"]
    account.undo(f"topic {name}", lambda: sns.delete_topic(TopicArn=topic))
    queue = make_queue(account, f"{what}-ended", "sns.amazonaws.com")
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]
    account.undo(f"subscription of topic {name}", lambda: sns.unsubscribe(SubscriptionArn=arn))
    model = make_model(account, what, {SERVER_TIMEOUT: seconds} if seconds else None)
    places = {
        "S3OutputPath": f"s3://{account.bucket()}/async/out",
        "S3FailurePath": f"s3://{account.bucket()}/async/bad",
    }
    config = make_config(
        account,
        what,
        [variant(ALL, model)],
        AsyncInferenceConfig={
            "OutputConfig": {**places, "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic}}
        },
    )
    return Asynchronous(name=make_endpoint(account, what, config), messages=queue)


def _patient(account: Account) -> Asynchronous:
    return account.shared("patient", lambda: make(account, "patient", "600"))


def _plain(account: Account) -> Asynchronous:
    return account.shared("plain", lambda: make(account, "plain", None))


def errors_without_a_failure(account: Account) -> Observation:
    """Which error metrics there are after answers only. It comes before all that fails."""
    endpoint = _plain(account)
    if ended(account, "1,2", endpoint) is None:
        return still_open("no notification came")
    return errors_after_good_requests(account, endpoint.name, ALL)


def failure_message(account: Account) -> Observation:
    """What the notification of a failed request says, and which file it leaves."""
    message = ended(account, "fail", _patient(account))
    if message is None:
        return still_open("no notification came")
    listed = account.client("s3").list_objects_v2(Bucket=account.bucket(), Prefix="async/bad")
    files = [each["Key"] for each in listed.get("Contents", ())]
    has_reason = message.get("invocationStatus") == "Failed" and bool(message.get("failureReason"))
    return confirmed_if(has_reason and bool(files), f"message {message}; files {files}")


def processed_counter(account: Account) -> Observation:
    """How the counter of processed requests is spelt."""
    endpoint = _patient(account)
    if ended(account, "1,2", endpoint) is None:
        return still_open("no notification came")
    found = account.eventually(
        lambda: (
            names
            if (names := {each for each in metric_names(account, endpoint.name, ALL) if "Processe" in each})
            else None
        )
    )
    if found is None:
        return still_open("there is no such counter")
    return confirmed_if(found == {"InvocationsProcessed"}, f"it is called {', '.join(sorted(found))}")


def default_timeout(account: Account) -> Observation:
    """A request that takes longer than a minute, with the server's own limit."""
    message = ended(account, f"wait {account.pace.slow_request_seconds:g}", _plain(account))
    if message is None:
        return still_open("no notification came")
    return confirmed_if(message.get("invocationStatus") == "Failed", f"message {message}")


def longer_timeout(account: Account) -> Observation:
    """The same request, with a longer limit."""
    message = ended(account, f"wait {account.pace.slow_request_seconds:g}", _patient(account))
    if message is None:
        return still_open("no notification came")
    return confirmed_if(message.get("invocationStatus") == "Completed", f"message {message}")


def metrics_config(account: Account) -> Observation:
    """Make a config for an asynchronous endpoint that turns detailed observability off."""
    model = make_model(account, "observed")
    output = {"OutputConfig": {"S3OutputPath": f"s3://{account.bucket()}/async/out"}}
    quiet = {"EnableDetailedObservability": False}
    error = refusal(
        lambda: make_config(
            account, "observed", [variant(ALL, model)], AsyncInferenceConfig=output, MetricsConfig=quiet
        )
    )
    return confirmed_if(error is None, f"refused: {error}" if error else "it was accepted")


ASYNCHRONOUS = Group(
    name="asynchronous",
    bill=Bill(dollars=0.15, minutes=40, what_for="two ml.m5.large"),
    facts=(
        Fact(
            name="asynchronous-errors-of-zero",
            statement="An asynchronous endpoint that has answered every request has both error metrics.",
            matters="Nothing: an error metric without data counts as 0. Alarms and the judge read both.",
            check=errors_without_a_failure,
        ),
        Fact(
            name="failure-message",
            statement="A failed request has a notification with failureReason, and a file below S3FailurePath.",
            matters="handle_async_result reads the reason; the file is found by listing.",
            check=failure_message,
        ),
        Fact(
            name="processed-counter",
            statement="The counter of processed requests is InvocationsProcessed (the documentation has a third s).",
            matters="Nothing: Sluice counts requests by their results.",
            check=processed_counter,
        ),
        Fact(
            name="server-stops-at-60-seconds",
            statement="The XGBoost image ends a request after 60 s unless SAGEMAKER_MODEL_SERVER_TIMEOUT says more.",
            matters="Sluice sets it from the spec for asynchronous endpoints and transforms.",
            check=default_timeout,
        ),
        Fact(
            name="server-timeout-is-obeyed",
            statement="With SAGEMAKER_MODEL_SERVER_TIMEOUT=600 a request of 75 s is answered.",
            matters="invocation_timeout of a spec holds up to an hour.",
            check=longer_timeout,
        ),
        Fact(
            name="asynchronous-metrics-config",
            statement="CreateEndpointConfig takes a MetricsConfig for an asynchronous endpoint.",
            matters="Sluice turns detailed observability off for them, too; refused, it leaves the setting out.",
            check=metrics_config,
        ),
    ),
)
