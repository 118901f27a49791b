"""Clients that answer what a test scripts and check each request against the service's model."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.stub import Stubber

from tests.builders.aws_clients import translating


class StubbedAws:
    """Clients that answer what a test scripts, and check each request against the service's model."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._stubs: list[Stubber] = []

    def service(self, name: str) -> tuple[Any, Stubber]:
        client = self._session.create_client(
            name, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        stub = Stubber(client)
        stub.activate()
        self._stubs.append(stub)
        return translating(client), stub

    def assert_all_asked(self) -> None:
        for stub in self._stubs:
            stub.assert_no_pending_responses()
