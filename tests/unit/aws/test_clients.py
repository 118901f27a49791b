"""Clients of AWS: made when first used, once, also when several threads are first at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any, cast

import pytest
from boto3 import Session
from sluice.aws.clients import Clients

ALONE_FOR_SECONDS = 0.2


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
    clients = Clients(cast(Session, session))
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
    clients = Clients()
    assert made == [], "not before a client is asked for"
    found = [clients(service) for service in ("sagemaker", "s3", "s3")]
    assert [client.meta.service_model.service_name for client in found] == ["sagemaker", "s3", "s3"]
    assert found[1] is found[2]
    assert {client.meta.region_name for client in found} == {"eu-west-1"}
    assert len(made) == 1
