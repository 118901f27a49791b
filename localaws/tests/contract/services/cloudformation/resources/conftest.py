"""A local AWS for the handlers of resources, shared by all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.events.service import EventBridge
from localaws.services.lambda_.service import Lambda
from localaws.services.scheduler.service import Scheduler
from localaws.tests.contract.services.cloudformation.resources.bench import Bench
from localaws.tests.interpreters import INTERPRETERS


@pytest.fixture(scope="package")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    def services(context: Context) -> Sequence[Service]:
        metrics, bus = CloudWatch(context), EventBridge(context)
        context.metrics, context.bus = metrics, bus
        return [metrics, bus, Lambda(context), Scheduler(context)]

    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=services) as aws:
        made = Bench(aws)
        made.client("s3").create_bucket(Bucket="artifacts")
        yield made
