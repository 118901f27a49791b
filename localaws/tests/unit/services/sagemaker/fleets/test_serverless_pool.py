"""The containers of a serverless variant: cold, warm, limited, idle, provisioned."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.containers.container import RetiredError
from localaws.services.sagemaker.endpoint_state.serverless import ServerlessSize, Usage, record_usage
from localaws.services.sagemaker.fleets.serverless_pool import ConcurrencyError, ServerlessPool


@dataclass(eq=False)
class Box:
    """Stands for a container."""

    number: int
    is_running: bool = True


@dataclass
class Yard:
    """Starts and retires boxes on a clock that stands still unless told."""

    now: float = 0.0
    started: list[Box] = field(default_factory=list)
    retired: list[int] = field(default_factory=list)

    def start(self) -> Box:
        self.now += 2.0
        self.started.append(Box(len(self.started) + 1))
        return self.started[-1]

    def pool(self, most: int = 2, provisioned: int = 0) -> ServerlessPool[Box]:
        size = ServerlessSize(memory_mb=2048, max_concurrency=most, provisioned=provisioned)
        return ServerlessPool(
            size, start=self.start, retire=lambda box: self.retired.append(box.number), clock=lambda: self.now
        )


def use(pool: ServerlessPool[Box]) -> tuple[int, float | None]:
    """Number of the container that served, and the seconds it took to set up."""
    with pool.borrowed() as (box, usage):
        return box.number, usage.setup_seconds


def test_the_first_request_pays_the_start_and_the_next_is_warm() -> None:
    pool = Yard().pool()
    assert [use(pool), use(pool)] == [(1, 2.0), (1, None)]


def test_above_its_concurrency_it_refuses_and_a_place_comes_free() -> None:
    pool = Yard().pool(most=2)
    with ExitStack() as stack:
        usages = [stack.enter_context(pool.borrowed())[1].concurrent for _ in range(2)]
        assert usages == [1, 2]
        with pytest.raises(ConcurrencyError), pool.borrowed():
            pass
    assert use(pool)[1] is None


def test_the_idle_go_and_the_next_request_is_cold_again() -> None:
    yard = Yard()
    pool = yard.pool()
    use(pool)
    yard.now += 9.0
    pool.stop_idle(10.0)
    assert (pool.running, yard.retired) == (1, [])
    yard.now += 1.0
    pool.stop_idle(10.0)
    assert (pool.running, yard.retired) == (0, [1])
    assert use(pool) == (2, 2.0)


def test_the_provisioned_number_stays_warm() -> None:
    yard = Yard()
    pool = yard.pool(most=3, provisioned=2)
    pool.warm()
    assert (pool.running, use(pool)[1]) == (2, None)
    yard.now += 100.0
    pool.stop_idle(10.0)
    assert (pool.running, yard.retired) == (2, [])
    pool.resize(ServerlessSize(memory_mb=2048, max_concurrency=3, provisioned=1))
    pool.stop_idle(10.0)
    assert pool.running == 1


def test_a_dead_container_is_replaced_and_a_failed_start_frees_its_place() -> None:
    yard = Yard()
    pool = yard.pool(most=1)
    use(pool)
    yard.started[0].is_running = False
    assert use(pool) == (2, 2.0)

    def fail() -> Box:
        raise OSError("no model")

    broken = ServerlessPool(ServerlessSize(memory_mb=1024, max_concurrency=1), start=fail, retire=lambda _box: None)
    for _ in range(2):
        with pytest.raises(OSError, match="no model"), broken.borrowed():
            pass
    assert broken.running == 0


def test_a_closed_pool_takes_nothing_and_keeps_nothing() -> None:
    yard = Yard()
    pool = yard.pool()
    with pool.borrowed():
        pool.close(drain_seconds=0.0)
    assert yard.retired == [1]
    with pytest.raises(RetiredError), pool.borrowed():
        pass


@dataclass
class Sink:
    """Keeps samples by name."""

    samples: dict[str, float] = field(default_factory=dict)

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: object,
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        self.samples[name] = value


@pytest.mark.parametrize(
    ("provisioned", "concurrent", "setup", "samples"),
    [
        (0, 2, 1.5, {"ServerlessConcurrentExecutionsUtilization": 0.5, "ModelSetupTime": 1.5e6}),
        (
            2,
            1,
            None,
            {
                "ServerlessConcurrentExecutionsUtilization": 0.25,
                "ServerlessProvisionedConcurrencyExecutions": 1.0,
                "ServerlessProvisionedConcurrencyUtilization": 0.5,
                "ServerlessProvisionedConcurrencyInvocations": 1.0,
            },
        ),
        (
            2,
            3,
            None,
            {
                "ServerlessConcurrentExecutionsUtilization": 0.75,
                "ServerlessProvisionedConcurrencyExecutions": 2.0,
                "ServerlessProvisionedConcurrencyUtilization": 1.0,
                "ServerlessProvisionedConcurrencySpilloverInvocations": 1.0,
            },
        ),
    ],
)
def test_what_a_request_leaves_in_the_metrics(
    provisioned: int, concurrent: int, setup: float | None, samples: dict[str, float]
) -> None:
    sink = Sink()
    size = ServerlessSize(memory_mb=1024, max_concurrency=4, provisioned=provisioned)
    record_usage(sink, Usage(size=size, concurrent=concurrent, setup_seconds=setup), {}, 60)
    assert sink.samples == samples


def test_a_size_is_updated_within_its_limits() -> None:
    size = ServerlessSize(memory_mb=1024, max_concurrency=4, provisioned=1)
    assert size.updated({"ProvisionedConcurrency": 4}).provisioned == 4
    assert size.updated({"MaxConcurrency": 9}).provisioned == 1
    with pytest.raises(AwsError, match="must not exceed"):
        size.updated({"ProvisionedConcurrency": 5})
