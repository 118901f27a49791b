"""The AWS CLI of version 1 with one mend: it obeys ``AWS_ENDPOINT_URL`` for every service.

The stock one goes to the real AWS for SQS, EMR, RDS, DocumentDB, Neptune and Health in many Regions, whatever
``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_SQS`` or the configuration file say, and only ``--endpoint-url`` stops it
(awscli/customizations/overridesslcommonname.py of 1.46.3; aws-cli issue 8737). Version 2, which is not in the package
index, has no such override. Here it is left out where an endpoint is configured; nothing else differs.

Run it as ``python -m localaws.aws_cli sqs list-queues``; ``make setup`` of the repository installs it as ``aws``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the AWS CLI; its exit status."""
    from awscli import clidriver  # first: it brings its own botocore

    _obey_configured_endpoints()
    return int(clidriver.create_clidriver().main(None if arguments is None else list(arguments)))


def _obey_configured_endpoints() -> None:
    from awscli.customizations import overridesslcommonname

    stock = overridesslcommonname.update_endpoint_url
    if stock.__module__ != overridesslcommonname.__name__:
        return  # mended before in this process

    def update_endpoint_url(session: Any, parsed_globals: Any, **about: Any) -> None:
        if not _has_configured_endpoint(session, parsed_globals.command):
            stock(session, parsed_globals, **about)

    overridesslcommonname.update_endpoint_url = update_endpoint_url


def _has_configured_endpoint(session: Any, service: str) -> bool:
    """As botocore itself looks for one: environment, then configuration file, for the service and for all."""
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return False
    provider = ConfiguredEndpointProvider(
        full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name=service
    )
    return provider.provide() is not None


if __name__ == "__main__":
    sys.exit(main())
