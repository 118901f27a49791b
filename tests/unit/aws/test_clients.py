"""Clients of AWS: made when first used, once, also when several threads are first at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any, cast

from botocore.session import Session
from sluice.aws.clients import Clients

ALONE_FOR_SECONDS = 0.2


class WatchfulSession:
    """A session that waits for a second thread to come into it, which would break botocore's."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.shared = 0
        self._second = Barrier(2)

    def create_client(self, service: str, **_: Any) -> object:
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
