"""What instances use of the machine is published for each of them, under the name of their endpoint and variant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.instance_usage import InstanceUsage
from localaws.services.sagemaker.fleets.live_fleets import LiveFleets


class Sink:
    """Keeps what was recorded."""

    def __init__(self) -> None:
        self.samples: list[tuple[str, str, Mapping[str, str], float]] = []

    def record(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, **_how: object) -> None:
        self.samples.append((namespace, name, dimensions, value))


class Instance:
    """Stands for a container: this process itself."""

    pid = os.getpid()

    def __init__(self, home: Path) -> None:
        self.home = home


def instance(home: Path) -> Container:
    return cast(Container, Instance(home))


def live(fleets: dict[str, Fleet]) -> LiveFleets:
    return cast(LiveFleets, SimpleNamespace(fleets=fleets))


def test_each_instance_sends_each_metric_and_serverless_variants_send_none(tmp_path: Path) -> None:
    two = Fleet(blueprint=cast(Any, None), containers=(instance(tmp_path), instance(tmp_path)))
    none = Fleet(blueprint=cast(Any, None), containers=())
    sink = Sink()
    context = cast(Context, SimpleNamespace(metrics=sink))
    usage = InstanceUsage(context, lambda: {"Spend": live({"v1": two, "asleep": none})}, clock=lambda: 7.0)
    usage.sample()
    names = [name for _, name, _, _ in sink.samples]
    assert sorted(names) == sorted(["CPUUtilization", "MemoryUtilization", "DiskUtilization"] * 2)
    assert {namespace for namespace, *_ in sink.samples} == {"/aws/sagemaker/Endpoints"}
    assert all(where == {"EndpointName": "Spend", "VariantName": "v1"} for _, _, where, _ in sink.samples)
    shares = {name: value for _, name, _, value in sink.samples}
    assert 0 < shares["MemoryUtilization"] < 100
    assert 0 < shares["DiskUtilization"] <= 100
    assert shares["CPUUtilization"] > 0
