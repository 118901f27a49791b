"""botocore clients of the local AWS itself, under any role; made once and shared, because making one takes 50 ms."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.config import Config

from localaws.iam.identity import DEVELOPER_ACCESS_KEY, OWN_ACCESS_KEY, Identities


class Clients:
    """Makes and keeps clients that talk to the gateway. botocore's clients may be shared among threads."""

    def __init__(self, identities: Identities, endpoint_url: str, region: str) -> None:
        self._identities = identities
        self._endpoint_url = endpoint_url
        self._region = region
        self._session = botocore.session.Session()
        self._lock = threading.Lock()  # sessions may not be shared among threads
        self._clients: dict[tuple[str, str, bool], Any] = {}

    def as_role(self, service: str, role_arn: str | None, *, validate: bool = True) -> Any:
        """A client under a role; None is the local AWS itself, neither recorded nor authorised."""
        if role_arn is None:
            return self._client(service, {"AWS_ACCESS_KEY_ID": OWN_ACCESS_KEY}, validate)
        return self._client(service, self._identities.credentials(role_arn), validate)

    def as_developer(self, service: str) -> Any:
        """A client under the developer's key, which may do everything."""
        return self._client(service, {"AWS_ACCESS_KEY_ID": DEVELOPER_ACCESS_KEY}, True)

    def _client(self, service: str, keys: Mapping[str, str], validate: bool) -> Any:
        with self._lock:
            kept = (service, keys["AWS_ACCESS_KEY_ID"], validate)
            if kept not in self._clients:
                self._clients[kept] = self._make(service, keys, validate)
            return self._clients[kept]

    def _make(self, service: str, keys: Mapping[str, str], validate: bool) -> Any:
        return self._session.create_client(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY", "secret"),
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=Config(
                retries={"total_max_attempts": 1},  # a service that retries does so by its own rules
                connect_timeout=5,
                read_timeout=910,  # an invocation may take 15 minutes
                max_pool_connections=64,
                parameter_validation=validate,
                inject_host_prefix=False,
                s3={"addressing_style": "path"},
            ),
        )
