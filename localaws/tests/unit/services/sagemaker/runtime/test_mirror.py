"""Mirroring: by ratio, bounded, and never in anybody's way."""

import random
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.endpoint_state.variant import Blueprint
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.routing import Route, Routing, Shadow
from localaws.services.sagemaker.models.models import ContainerSpec
from localaws.services.sagemaker.runtime import mirror
from localaws.services.sagemaker.runtime.mirror import Mirrors
from localaws.services.sagemaker.runtime.sending import InvocationRequest, RequestSender

SPEC = ContainerSpec(image="image", model_data_url="s3://b/m.tar.gz", environment={}, role_arn="arn")
BLUEPRINT = Blueprint(
    variant="candidate", model="any", container=SPEC, instance_type="ml.m5.large", health_check_seconds=None
)
FLEET = Fleet(blueprint=BLUEPRINT, containers=(cast(Container, object()),))
REQUEST = InvocationRequest(body=b"1", headers={}, began=0.0)


def routing(ratio: float, endpoint: str = "spend") -> Routing:
    shadow = Shadow(Route("candidate", ratio, FLEET), ratio)
    return Routing(endpoint=endpoint, routes=(), shadow=shadow)


class Shadowed:
    """Stands for the sender: each mirrored request waits until ``answer`` is set."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.answer = threading.Event()
        self.sent = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []
        self.context = cast(Context, SimpleNamespace(stopping=threading.Event(), background=self.background))

    def background(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name)
        self.threads.append(thread)
        thread.start()

    def send(self, *_request: Any) -> None:
        self.sent.release()
        self.answer.wait()

    def end(self) -> None:
        """Let the workers do all their work and end."""
        self.answer.set()
        for thread in self.threads:
            thread.join()

    def mirrors(self) -> Mirrors:
        return Mirrors(self.context, cast(RequestSender, self), 60.0)


@pytest.fixture
def shadowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shadowed]:
    monkeypatch.setattr(mirror, "_IDLE_SECONDS", 0.01)
    made = Shadowed()
    yield made
    made.end()


def test_the_ratio_is_mirrored(shadowed: Shadowed) -> None:
    shadowed.answer.set()
    mirrors = shadowed.mirrors()
    for _ in range(200):
        mirrors.offer(REQUEST, routing(0.1))
    chance = random.Random(7)
    for _ in range(sum(chance.random() < 0.1 for _ in range(200))):
        assert shadowed.sent.acquire(timeout=30)
    shadowed.end()
    assert not shadowed.sent.acquire(blocking=False)


def test_without_a_shadow_nothing_is_mirrored(shadowed: Shadowed) -> None:
    shadowed.mirrors().offer(REQUEST, Routing(endpoint="spend", routes=()))
    assert shadowed.threads == []


def test_a_shadow_that_hangs_holds_up_neither_client_nor_memory_nor_another_shadow(shadowed: Shadowed) -> None:
    mirrors = shadowed.mirrors()
    for _ in range(mirror.WAITING_MAX + 2 * mirror.WORKERS_MAX):
        mirrors.offer(REQUEST, routing(1.0))  # returns, although nothing is ever answered
    assert len(shadowed.threads) == mirror.WORKERS_MAX
    for _ in range(mirror.WORKERS_MAX):
        assert shadowed.sent.acquire(timeout=30)
    mirrors.offer(REQUEST, routing(1.0, endpoint="other"))
    assert shadowed.sent.acquire(timeout=30)
