"""The services we write ourselves, made in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Sequence

from localaws.context import Context
from localaws.service_api import Service
from localaws.services.autoscaling.service import AutoScaling
from localaws.services.cloudcontrol import CloudControl
from localaws.services.cloudformation.service import CloudFormation
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.events.service import EventBridge
from localaws.services.lambda_.service import Lambda
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.engine import engine
from localaws.services.sagemaker.jobs.jobs import Jobs
from localaws.services.sagemaker.runtime.async_runtime import AsyncRuntime
from localaws.services.sagemaker.runtime.runtime import Runtime
from localaws.services.sagemaker.transform.transform import transform_kind
from localaws.services.scheduler.service import Scheduler
from localaws.timing import USUAL, Timings


def shipped_services(context: Context, timings: Timings = USUAL) -> Sequence[Service]:
    """Make them all; the metrics and the event bus are wired into the context first, for the others to use."""
    metrics = context.metrics = CloudWatch(context)
    bus = context.bus = EventBridge(context)
    hosting = Hosting(context, timings.hosting)
    transforms = Jobs(context, [transform_kind(hosting.models)])
    runtimes: list[Service] = [Runtime(hosting), AsyncRuntime(hosting, timings.asynchronous)]
    serving: list[Service] = [hosting, *runtimes, transforms, AutoScaling(context, timings.scaling)]
    learning = engine(context, transforms)
    stacks: list[Service] = [CloudControl(), CloudFormation(context)]
    return [metrics, bus, Lambda(context), *serving, *learning, Scheduler(context), *stacks]
