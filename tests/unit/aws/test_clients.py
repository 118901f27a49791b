"""Clients of AWS: each made once, when first used, and their errors translated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace
from typing import Any, cast

import pytest
from boto3 import Session
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from sluice.aws.clients import GATE_ANSWER_SECONDS, Boto3Clients, lazy_clients
from sluice.errors import (
    AccessRefusedError,
    AwsLibraryError,
    AwsRefusedError,
    EndpointBusyError,
    RetryableError,
    SluiceError,
    ThrottledError,
)
from sluice.rollout.gates.gate_functions import GateFunctions

from tests.builders.aws_clients import translating

ALONE_FOR_SECONDS = 0.2
ROLE = "arn:aws:iam::123456789012:role/model"
TRUST_HINT = "Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role."


class WatchfulSession:
    """A session that waits for a second thread to come into it, which would break boto3's."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.shared = 0
        self._second = Barrier(2)

    def client(self, service: str, **_: Any) -> object:
        self.made.append(service)
        try:
            self._second.wait(ALONE_FOR_SECONDS)
            self.shared += 1
        except BrokenBarrierError:
            pass
        return object()


def test_threads_share_a_client_that_only_one_of_them_makes() -> None:
    session = WatchfulSession()
    clients = Boto3Clients(cast(Session, session))
    begin = Barrier(4)

    def use(_: int) -> object:
        begin.wait()
        return clients("s3")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(use, range(4)))) == 1
    assert (session.made, session.shared) == (["s3"], 0)


def test_all_clients_come_from_one_session_of_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Session] = []

    def session() -> Session:
        made.append(Session("id", "secret", region_name="eu-west-1"))
        return made[-1]

    monkeypatch.setattr("sluice.aws.clients.Session", session)
    clients = Boto3Clients()
    assert made == [], "not before a client is asked for"
    found = [clients(service) for service in ("sagemaker", "s3", "s3")]
    assert [client.meta.service_model.service_name for client in found] == ["sagemaker", "s3", "s3"]
    assert found[1] is found[2]
    assert {client.meta.region_name for client in found} == {"eu-west-1"}
    assert len(made) == 1


BACKOFF_SECONDS = 1 + 2  # at most, between three tries of botocore's standard mode
FUNCTION_SECONDS = 60  # of the template's Globals
GATE_FUNCTION_SECONDS = 90  # of the functions that ask gates


def hanging(service: str) -> tuple[Any, list[str]]:
    """A client whose every request times out without an answer, and the requests that it sent."""
    sent: list[str] = []

    def hang(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    clients = Boto3Clients(Session("id", "secret", region_name="eu-west-1"))
    client = clients(service)
    client.meta.events.register("before-send", hang)
    return client, sent


def test_a_call_that_hangs_is_given_up_after_three_tries_within_a_functions_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    client, sent = hanging("sagemaker")
    with pytest.raises(RetryableError):
        translating(client).describe_endpoint(EndpointName="e")
    assert len(sent) == 3
    assert _longest(client) + BACKOFF_SECONDS < FUNCTION_SECONDS


def test_a_gate_function_is_invoked_once_and_waited_for_as_long_as_it_may_take() -> None:
    client, sent = hanging("lambda")
    response = GateFunctions(translating(client)).ask("arn:aws:lambda:eu-west-1:1:function:gate", {})
    assert (response.allow, len(sent)) == (False, 1)
    assert client.meta.config.read_timeout == GATE_ANSWER_SECONDS
    assert 2 * _longest(client) + BACKOFF_SECONDS < GATE_FUNCTION_SECONDS, "a rollout may stand at two gates at once"


def _longest(client: Any) -> float:
    config = client.meta.config
    return float(config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout))


class Answering:
    """A client whose one call raises, or answers with a body."""

    def __init__(self, outcome: BaseException | object) -> None:
        self._outcome = outcome
        self.meta = SimpleNamespace(region_name="eu-west-1")

    def get_object(self, *, Key: str) -> dict[str, Any]:  # boto3's spelling
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return {"Body": self._outcome, "ETag": Key}


class BrokenBody:
    """A connection that fails while the body is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.is_closed = False

    def read(self, _size: int = -1) -> bytes:
        raise self._error

    def close(self) -> None:
        self.is_closed = True


def answered(code: str, message: str = "no", status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "GetObject")


def cancelled(*reasons: str) -> ClientError:
    error = answered("TransactionCanceledException", f"[{', '.join(reasons)}]")
    error.response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered("ThrottlingException"), ThrottledError),
        (answered("SlowDown", status=503), ThrottledError),
        (answered("ProvisionedThroughputExceededException"), ThrottledError),
        (answered("ValidationException", "Cannot update IN-PROGRESS endpoint e"), EndpointBusyError),
        (answered("KMS.ThrottlingException"), ThrottledError),
        (answered("ConflictException"), RetryableError),
        (answered("ConditionalRequestConflict", status=409), RetryableError),
        (answered("TransactionConflictException"), RetryableError),
        (answered("TransactionInProgressException"), RetryableError),
        (answered("ReplicatedWriteConflictException"), RetryableError),
        (cancelled("None", "TransactionConflict"), RetryableError),
        (cancelled("ThrottlingError", "TransactionConflict"), RetryableError),
        (cancelled("ConditionalCheckFailed", "TransactionConflict"), AwsRefusedError),
        (cancelled("ValidationError", "None"), AwsRefusedError),
        (cancelled(), AwsRefusedError),
        (answered("InternalFailure", status=500), RetryableError),
        (answered("ValidationException", "Could not find endpoint"), AwsRefusedError),
        (answered("AccessDenied", status=403), AwsRefusedError),
        (answered("ValidationException", f"Could not assume role {ROLE}. {TRUST_HINT}"), AccessRefusedError),
        (answered("ValidationException", f"Could not access model data at s3://b. {TRUST_HINT}"), AccessRefusedError),
        (answered("InvalidParameterValueException", "The role cannot be assumed by Lambda."), AccessRefusedError),
        (answered("LimitExceeded", "in-progress endpoint"), AwsRefusedError),
        (ReadTimeoutError(endpoint_url="https://s3"), RetryableError),
        (ConnectionClosedError(endpoint_url="https://s3"), RetryableError),
        (EndpointConnectionError(endpoint_url="https://s3"), RetryableError),
        (ConnectTimeoutError(endpoint_url="https://s3"), RetryableError),
        (ParamValidationError(report="Invalid length"), AwsLibraryError),
        (NoCredentialsError(), AwsLibraryError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:60],
)
def test_every_error_of_boto3_becomes_one_of_ours(error: Exception, kind: type[SluiceError]) -> None:
    with pytest.raises(SluiceError) as raised:
        translating(Answering(error)).get_object(Key="k")
    assert type(raised.value) is kind, "the state machine compares the names of classes"
    assert str(error) in str(raised.value)


@pytest.mark.parametrize("code", ["AccessDenied", "ThrottlingException"])
def test_what_aws_said_stays_with_the_error(code: str) -> None:
    error = answered(code, "not yours")
    error.response["CancellationReasons"] = [{"Code": "None"}]
    with pytest.raises(SluiceError) as raised:
        translating(Answering(error)).get_object(Key="k")
    refusal = raised.value if code == "AccessDenied" else raised.value.__cause__
    assert isinstance(refusal, AwsRefusedError)
    assert (refusal.code, refusal.message, refusal.operation) == (code, "not yours", "GetObject")
    assert refusal.response["CancellationReasons"] == [{"Code": "None"}]
    assert refusal.__cause__ is error
    assert refusal.message_contains("NOT your")
    assert not refusal.message_contains("AccessDenied")


def test_an_error_that_boto3_names_keeps_its_name_as_a_code() -> None:
    with pytest.raises(AwsLibraryError) as raised:
        translating(Answering(ParamValidationError(report="too short"))).get_object(Key="k")
    assert raised.value.code == "ParamValidationError"


def test_that_no_client_can_be_made_is_translated_too() -> None:
    def no_region(_service: str) -> object:
        raise NoRegionError

    client = lazy_clients(no_region)("s3")
    with pytest.raises(AwsLibraryError) as raised:
        client.get_object(Key="k")
    assert raised.value.code == "NoRegionError"


def test_errors_of_our_own_code_pass_as_they_are() -> None:
    with pytest.raises(KeyError):
        translating(Answering(KeyError("k"))).get_object(Key="k")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReadTimeoutError(endpoint_url="https://s3"), RetryableError),
        (ResponseStreamingError(error="reset"), RetryableError),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), RetryableError),
        (FlexibleChecksumError(error_msg="sums differ"), AwsLibraryError),
    ],
    ids=["silent", "reset", "short", "damaged"],
)
def test_a_body_that_breaks_off_is_an_error_of_ours(error: Exception, kind: type[SluiceError]) -> None:
    broken = BrokenBody(error)
    body = translating(Answering(broken)).get_object(Key="data/fraud/may.csv")["Body"]
    with pytest.raises(SluiceError) as raised, closing(body):
        body.read(10)
    assert type(raised.value) is kind
    assert broken.is_closed
    if kind is RetryableError:
        assert str(raised.value).startswith("data/fraud/may.csv could not be read to its end: ")


def test_a_body_is_read_as_it_came() -> None:
    answer = translating(Answering(BytesIO(b"one,two"))).get_object(Key="k")
    assert answer["ETag"] == "k"
    assert [answer["Body"].read(3), answer["Body"].read()] == [b"one", b",two"]


def test_what_a_client_knows_without_a_call_is_there() -> None:
    assert translating(Answering(None)).meta.region_name == "eu-west-1"
