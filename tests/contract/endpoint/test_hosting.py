"""The fake hosting that the rollout's unit tests trust keeps the same promises as the adapter on the local AWS."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol, cast

import pytest
from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.hosting import Endpoints
from sluice.endpoint.state import CHANGING, EndpointState, NewConfig, NewVariant
from sluice.errors import AwsRefusedError, EndpointBusyError, RetryableError
from sluice.names import Names
from sluice.rollout.analysis.alarms import stop_alarm
from sluice.spec.strategies import BlueGreen

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE, OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import BUCKET, ROLE, Stage, eventually
from tests.builders.aws_clients import translating
from tests.fakes.aws_state import Faults
from tests.fakes.hosting import FakeHosting

_numbers = count()


class Platform(Protocol):
    """Something with endpoints, and what a test has to prepare on it."""

    hosting: Endpoints

    def model(self, *, healthy: bool = True, known_image: bool = True) -> str:
        """The name of a new model made of an approved package."""

    def settle(self, endpoint: str) -> None:
        """Let what is under way come to its end."""

    def alarm(self) -> str:
        """The name of a new alarm, which is quiet until somebody sets it."""

    def ring(self, alarm: str) -> None:
        """Set it."""


class Fake:
    def __init__(self) -> None:
        self._fake = FakeHosting(Faults())
        self.hosting = cast(Endpoints, self._fake)

    def model(self, *, healthy: bool = True, known_image: bool = True) -> str:
        name = f"contract-{next(_numbers)}"
        self.hosting.create_model(name, "arn:package", ROLE)
        if not (healthy and known_image):
            self._fake.unhealthy.add(name)
        return name

    def settle(self, endpoint: str) -> None:
        while (state := self._fake.endpoints.get(endpoint)) and state.status in CHANGING:
            self._fake.settle()

    def alarm(self) -> str:
        name = f"contract-alarm-{next(_numbers)}"
        self._fake.alarms = {**self._fake.alarms, name: "INSUFFICIENT_DATA"}
        return name

    def ring(self, alarm: str) -> None:
        self._fake.alarms = {**self._fake.alarms, alarm: "ALARM"}


class Real:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.hosting = Endpoints(translating(stage.sagemaker))
        self._metrics = CloudWatch(translating(stage.aws.client("cloudwatch")))
        stage.sagemaker.create_model_package_group(ModelPackageGroupName="contract")
        self._packages = {healthy: self._package(healthy, IMAGE) for healthy in (True, False)}
        self._package_of_another_image = self._package(True, OTHER_IMAGE)

    def model(self, *, healthy: bool = True, known_image: bool = True) -> str:
        name = f"contract-{next(_numbers)}"
        package = self._packages[healthy] if known_image else self._package_of_another_image
        self.hosting.create_model(name, package, ROLE)
        return name

    def settle(self, endpoint: str) -> None:
        eventually(lambda: self.hosting.describe(endpoint), lambda seen: seen is None or seen.status not in CHANGING)

    def alarm(self) -> str:
        made = stop_alarm(Names("dev"), f"contract-{next(_numbers)}-1")
        self._metrics.put_alarms([made])
        return str(made["AlarmName"])

    def ring(self, alarm: str) -> None:
        assert self._metrics.set_alarm(alarm, "a person has changed their mind")

    def _package(self, healthy: bool, image: str) -> str:
        container = {
            "Image": image,
            "ModelDataUrl": f"s3://{BUCKET}/{'script-low' if healthy else 'script-exits'}.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        }
        made = self._stage.sagemaker.create_model_package(
            ModelPackageGroupName="contract",
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        return str(made["ModelPackageArn"])


@pytest.fixture(scope="module", params=["fake", "local AWS"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return Fake() if request.param == "fake" else Real(request.getfixturevalue("stage"))


@pytest.fixture
def hosting(platform: Platform) -> Endpoints:
    return platform.hosting


def fleet(name: str, model: str, weight: float = 1.0) -> NewVariant:
    return NewVariant(name=name, model=model, instance_type="ml.m5.large", instance_count=1, weight=weight)


def config(platform: Platform, *variants: NewVariant) -> str:
    name = f"contract-config-{next(_numbers)}"
    platform.hosting.create_config(NewConfig(name=name, variants=variants))
    return name


def described(platform: Platform, endpoint: str) -> EndpointState:
    found = platform.hosting.describe(endpoint)
    assert found is not None
    return found


def weights(state: EndpointState) -> dict[str, tuple[float, int]]:
    return {each.name: (each.weight, each.desired_count) for each in state.variants}


@pytest.fixture(scope="module")
def endpoint(platform: Platform) -> tuple[str, str, str]:
    """An endpoint that serves one variant, its config and its model."""
    model = platform.model()
    name, used = f"contract-endpoint-{next(_numbers)}", config(platform, fleet("v1", model))
    platform.hosting.create_endpoint(name, used)
    assert described(platform, name).status == "Creating"
    platform.settle(name)
    return name, used, model


def changes(name: str, used: str) -> dict[str, Callable[[Endpoints], Any]]:
    return {
        "config": lambda hosting: hosting.update_endpoint(name, used),
        "weights": lambda hosting: hosting.set_weights(name, {"v1": 1.0}),
        "capacity": lambda hosting: hosting.set_capacity(name, "v1", 1),
        "deletion": lambda hosting: hosting.delete_endpoint(name),
    }


def test_what_does_not_exist(hosting: Endpoints) -> None:
    assert hosting.describe("contract-none") is None
    hosting.delete_endpoint("contract-none")
    hosting.delete_config("contract-none")
    hosting.delete_model("contract-none")


def test_a_new_endpoint_serves_as_configured(platform: Platform, endpoint: tuple[str, str, str]) -> None:
    name, used, model = endpoint
    state = described(platform, name)
    assert (state.name, state.status, state.config, state.is_settled) == (name, "InService", used, True)
    assert weights(state) == {"v1": (1.0, 1)}
    assert [(each.model, each.instance_type) for each in state.variants] == [(model, "ml.m5.large")]


def test_creating_what_exists_changes_nothing(platform: Platform, endpoint: tuple[str, str, str]) -> None:
    name, used, model = endpoint
    before = described(platform, name)
    other = config(platform, fleet("v9", model))
    platform.hosting.create_endpoint(name, other)
    platform.hosting.create_config(NewConfig(name=used, variants=(fleet("v9", model),)))
    platform.hosting.create_model(model, "arn:aws:sagemaker:us-east-1:123456789012:model-package/contract/1", ROLE)
    assert described(platform, name) == before


def test_one_change_at_a_time(platform: Platform, endpoint: tuple[str, str, str]) -> None:
    name, used, _ = endpoint
    platform.hosting.set_weights(name, {"v1": 3.0})
    state = described(platform, name)
    assert state.status == "Updating"
    assert weights(state)["v1"] == (3.0, 1), "the wish shows at once"
    for change in changes(name, used).values():
        with pytest.raises(EndpointBusyError):
            change(platform.hosting)
    platform.settle(name)
    assert described(platform, name).status == "InService"
    platform.hosting.set_weights(name, {"v1": 1.0})
    platform.settle(name)


def test_a_canary_from_beginning_to_end(platform: Platform, endpoint: tuple[str, str, str]) -> None:
    name, used, model = endpoint
    hosting, candidate = platform.hosting, platform.model()
    both = config(platform, fleet("v1", model, 100.0), fleet("v2", candidate, 0.0))
    hosting.update_endpoint(name, both)
    during = described(platform, name)
    assert (during.status, during.config) == ("Updating", used)
    platform.settle(name)
    after = described(platform, name)
    assert (after.config, weights(after)) == (both, {"v1": (1.0, 1), "v2": (0.0, 1)}), "v1 keeps its own weight"
    hosting.set_weights(name, {"v1": 90.0, "v2": 10.0})
    platform.settle(name)
    assert described(platform, name).share("v2") == pytest.approx(0.1)
    hosting.set_capacity(name, "v2", 2)
    platform.settle(name)
    assert weights(described(platform, name)) == {"v1": (90.0, 1), "v2": (10.0, 2)}
    hosting.update_endpoint(name, used)
    platform.settle(name)
    back = described(platform, name)
    assert (back.config, weights(back)) == (used, {"v1": (90.0, 1)})
    hosting.delete_config(both)
    hosting.delete_model(candidate)
    hosting.set_weights(name, {"v1": 1.0})
    platform.settle(name)


def test_an_update_that_never_becomes_healthy_leaves_what_was(
    platform: Platform, endpoint: tuple[str, str, str]
) -> None:
    name, used, model = endpoint
    bad = config(platform, fleet("v1", model), fleet("v2", platform.model(healthy=False), 0.0))
    platform.hosting.update_endpoint(name, bad)
    platform.settle(name)
    state = described(platform, name)
    assert (state.status, state.config, weights(state)) == ("InService", used, {"v1": (1.0, 1)})
    assert state.failure_reason


def test_an_update_to_an_image_that_cannot_be_started_leaves_what_was(
    platform: Platform, endpoint: tuple[str, str, str]
) -> None:
    name, used, model = endpoint
    other = config(platform, fleet("v1", model), fleet("v2", platform.model(known_image=False), 0.0))
    platform.hosting.update_endpoint(name, other)
    platform.settle(name)
    state = described(platform, name)
    assert (state.status, state.config, weights(state)) == ("InService", used, {"v1": (1.0, 1)})
    assert state.failure_reason


def test_a_first_deployment_that_fails_can_only_be_deleted(platform: Platform) -> None:
    used = config(platform, fleet("v1", platform.model(healthy=False)))
    name = f"contract-endpoint-{next(_numbers)}"
    platform.hosting.create_endpoint(name, used)
    platform.settle(name)
    state = described(platform, name)
    assert (state.status, state.config) == ("Failed", used)
    assert state.failure_reason
    with pytest.raises(AwsRefusedError, match="in status Failed"):
        platform.hosting.update_endpoint(name, used)
    platform.hosting.delete_endpoint(name)
    left = platform.hosting.describe(name)
    assert left is None or left.status in CHANGING
    platform.settle(name)
    assert platform.hosting.describe(name) is None


def test_a_config_that_is_not_there_yet_is_worth_another_try(
    platform: Platform, endpoint: tuple[str, str, str]
) -> None:
    name, used, _ = endpoint
    for call in (platform.hosting.update_endpoint, platform.hosting.create_endpoint):
        with pytest.raises(RetryableError) as refused:
            call(name if call == platform.hosting.update_endpoint else "contract-new", "contract-none")
        assert not isinstance(refused.value, EndpointBusyError)
    assert described(platform, name).config == used


def test_what_never_works_is_refused(platform: Platform, endpoint: tuple[str, str, str]) -> None:
    name, used, _ = endpoint
    with pytest.raises(ValueError, match="must not all be zero"):
        platform.hosting.set_weights(name, {"v1": 0.0})
    with pytest.raises(AwsRefusedError, match="not present within endpoint configuration"):
        platform.hosting.set_weights(name, {"v7": 1.0})
    with pytest.raises(AwsRefusedError, match="not present within endpoint configuration"):
        platform.hosting.set_capacity(name, "v7", 1)
    for what, change in changes("contract-none", used).items():
        if what != "deletion":
            with pytest.raises(AwsRefusedError, match="Could not find endpoint"):
                change(platform.hosting)
    assert described(platform, name).is_settled


def deployed(platform: Platform, alarm: str, wait_seconds: int) -> tuple[str, str, str]:
    """An endpoint to which a second model is being deployed: its name, its old config and the new one."""
    name, used = f"contract-endpoint-{next(_numbers)}", config(platform, fleet("v1", platform.model()))
    platform.hosting.create_endpoint(name, used)
    platform.settle(name)
    wanted = config(platform, fleet("v1", platform.model()))
    how = BlueGreen(wait_seconds=wait_seconds, termination_wait_seconds=0)
    platform.hosting.update_endpoint(name, wanted, Deployment(how=how, alarms=(alarm,), resizes=False))
    return name, used, wanted


def test_a_deployment_keeps_the_old_config_until_it_has_ended(platform: Platform) -> None:
    name, used, wanted = deployed(platform, platform.alarm(), wait_seconds=0)
    seen = described(platform, name)
    assert (seen.status, seen.config, seen.deploying) == ("Updating", used, wanted)
    with pytest.raises(EndpointBusyError):
        platform.hosting.update_endpoint(name, used)
    platform.settle(name)
    seen = described(platform, name)
    assert (seen.status, seen.config, [each.name for each in seen.variants]) == ("InService", wanted, ["v1"])


def test_an_alarm_that_somebody_sets_has_a_deployment_taken_back(platform: Platform) -> None:
    alarm = platform.alarm()
    name, used, wanted = deployed(platform, alarm, wait_seconds=3600)
    platform.ring(alarm)
    platform.settle(name)
    seen = described(platform, name)
    assert (seen.status, seen.config) == ("InService", used)
    assert alarm in seen.failure_reason
    platform.hosting.update_endpoint(name, wanted)
    platform.settle(name)
    assert described(platform, name).config == wanted


def test_a_deployment_needs_alarms_that_exist(platform: Platform) -> None:
    with pytest.raises(AwsRefusedError, match="Could not find the alarms"):
        deployed(platform, "contract-alarm-of-nobody", wait_seconds=0)
