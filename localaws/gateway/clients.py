"""botocore clients of the local AWS itself, under any role; made once and shared, because making one takes 50 ms."""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore.config import Config

from localaws.iam.identity import AccessKey, Identities


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
            return self._client(service, self._identities.own, validate)
        return self._client(service, self._identities.key_of_role(role_arn), validate)

    def as_developer(self, service: str) -> Any:
        """A client under the developer's key, which may do everything."""
        return self._client(service, self._identities.developer, True)

    def _client(self, service: str, key: AccessKey, validate: bool) -> Any:
        with self._lock:
            kept = (service, key.identifier, validate)
            if kept not in self._clients:
                self._clients[kept] = self._make(service, key, validate)
            return self._clients[kept]

    def _make(self, service: str, key: AccessKey, validate: bool) -> Any:
        return self._session.create_client(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=key.identifier,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
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
