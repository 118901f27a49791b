"""The services we write ourselves, made in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.autoscaling.service import AutoScaling
from rehearsal.cloudformation.service import CloudFormation
from rehearsal.cloudwatch.service import CloudWatch
from rehearsal.events.service import EventBridge
from rehearsal.lambdas.service import Lambda
from rehearsal.paces import USUAL, Paces
from rehearsal.sagemaker.async_runtime import AsyncRuntime
from rehearsal.sagemaker.engine import engine
from rehearsal.sagemaker.hosting import Hosting
from rehearsal.sagemaker.jobs import Jobs
from rehearsal.sagemaker.runtime import Runtime
from rehearsal.sagemaker.transform import transform_kind
from rehearsal.scheduler.service import Scheduler
from rehearsal.wire import Service
from rehearsal.world import World


def shipped_services(world: World, paces: Paces = USUAL) -> Sequence[Service]:
    """Make them all; the metrics and the event bus are wired into the world first, for the others to use."""
    metrics = world.metrics = CloudWatch(world)
    bus = world.bus = EventBridge(world)
    hosting = Hosting(world, paces.hosting)
    transforms = Jobs(world, [transform_kind(hosting.models)])
    runtimes: list[Service] = [Runtime(hosting), AsyncRuntime(hosting, paces.asynchronous)]
    serving: list[Service] = [hosting, *runtimes, transforms, AutoScaling(world, paces.scaling)]
    return [metrics, bus, Lambda(world), *serving, *engine(world), Scheduler(world), CloudFormation(world)]
