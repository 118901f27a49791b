"""Speeds up how moto finds what answers a call: it reads its own folder and lists a class's methods for each one."""

from __future__ import annotations

import functools
from typing import Any

from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication


class Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's own, which looks a host up once: it has a file system call for each of moto's 190 packages."""

    @functools.cache  # noqa: B019 (one lives as long as the local AWS, and there are as many hosts as services)
    def get_backend_for_host(self, host: str | None) -> Any:
        """The name of what serves ``host``, None if nothing does."""
        return super().get_backend_for_host(host)


def remember_names_of_methods() -> None:
    """List the methods of a class once; moto does so for each call, to see whether it has the one that is asked for."""
    if not hasattr(responses.method_names_from_class, "cache_info"):
        responses.method_names_from_class = functools.cache(responses.method_names_from_class)
