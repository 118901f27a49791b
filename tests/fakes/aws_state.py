"""A small SageMaker, registry, CloudWatch and friends, in memory, with faults at any call.

Every call of every fake counts one; ``Faults`` makes the n-th raise, before or after its effect, as a crash of the
function or a lost answer would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from sluice.dataset import Found
from sluice.endpoint import CHANGING, EndpointState, NewVariant, VariantState
from sluice.errors import EndpointBusyError, RetryableError
from sluice.registry import DESCRIPTION_MAX, Package
from sluice.rollout import RolloutId
from sluice.run import Run
from sluice.spec import ModelSpec


def refusal(message: str) -> ClientError:
    """SageMaker's answer to nearly everything that is wrong."""
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "")


START = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Faults:
    """Raise at the ``at``-th call, before its effect or after it; 0 never."""

    at: int = 0
    after_effect: bool = False
    seen: int = 0
    error: Callable[[str], BaseException] = RetryableError
    meanwhile: Callable[[], object] | None = None  # happens before the ``at``-th call, instead of a failure

    def around(self, effect: Callable[[], Any]) -> Any:
        self.seen += 1
        failing = self.seen == self.at
        if failing and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
            return effect()
        if failing and not self.after_effect:
            raise self.error("injected: the call did not arrive")
        result = effect()
        if failing:
            raise self.error("injected: the answer did not arrive")
        return result


@dataclass
class FakeHosting:
    """Endpoints that are Updating after each change until ``settle``."""

    faults: Faults
    endpoints: dict[str, EndpointState] = field(default_factory=dict)
    configs: dict[str, tuple[NewVariant, ...]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    unhealthy: set[str] = field(default_factory=set)  # models that never become healthy
    traffic: list[dict[str, float]] = field(default_factory=list)  # weights after every change
    _pending: dict[str, EndpointState | None] = field(default_factory=dict)  # None: it will be gone

    def settle(self) -> None:
        for name, state in self._pending.items():
            if state is None:
                del self.endpoints[name]
            else:
                self.endpoints[name] = state
        self._pending.clear()

    def describe(self, endpoint: str) -> EndpointState | None:
        return self.faults.around(lambda: self.endpoints.get(endpoint))  # type: ignore[no-any-return]

    def create_model(self, name: str, package_arn: str, role_arn: str) -> None:
        self.faults.around(lambda: self.models.setdefault(name, package_arn))

    def create_config(self, name: str, variants: Sequence[NewVariant], period_seconds: int) -> None:
        self.faults.around(lambda: self.configs.setdefault(name, tuple(variants)))

    def create_endpoint(self, endpoint: str, config: str) -> None:
        self.faults.around(lambda: self._create(endpoint, config))

    def use_config(self, endpoint: str, config: str) -> None:
        self.faults.around(lambda: self._use(endpoint, config))

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        if not sum(weights.values()) > 0:
            raise ValueError(f"weights of {endpoint} must not all be zero")
        changes = {name: {"weight": weight} for name, weight in weights.items()}
        self.faults.around(lambda: self._change(endpoint, changes))

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None:
        self.faults.around(lambda: self._change(endpoint, {variant: {"desired_count": count}}))

    def delete_endpoint(self, endpoint: str) -> None:
        self.faults.around(lambda: self._delete(endpoint))

    def delete_config(self, name: str) -> None:
        self.faults.around(lambda: self._delete_config(name))

    def delete_model(self, name: str) -> None:
        self.faults.around(lambda: self.models.pop(name, None))

    def _create(self, endpoint: str, config: str) -> None:
        if endpoint in self.endpoints:
            return
        variants = tuple(_state(each) for each in self._configured(config))
        failed = any(each.model in self.unhealthy for each in variants)
        made = EndpointState(name=endpoint, status="Creating", config=config, variants=variants)
        self.endpoints[endpoint] = made
        self._pending[endpoint] = replace(
            made, status="Failed" if failed else "InService", failure_reason="ping failed" if failed else ""
        )

    def _use(self, endpoint: str, config: str) -> None:
        now = self._free(endpoint)
        wanted = tuple(
            replace(_state(each), weight=kept.weight, desired_count=kept.desired_count)
            if (kept := now.variant(each.name))
            else _state(each)
            for each in self._configured(config)
        )
        self.endpoints[endpoint] = replace(now, status="Updating")
        if any(each.model in self.unhealthy for each in wanted):
            self._pending[endpoint] = replace(now, failure_reason="ping failed")
        else:
            self._pending[endpoint] = replace(now, config=config, variants=wanted, failure_reason="")

    def _change(self, endpoint: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        now = self._free(endpoint)
        if unknown := changes.keys() - {each.name for each in now.variants}:
            raise refusal(f"The variant name(s) {unknown} is/are not present within endpoint configuration.")
        changed = replace(now, variants=tuple(replace(each, **changes.get(each.name, {})) for each in now.variants))
        self.endpoints[endpoint] = replace(changed, status="Updating")
        self._pending[endpoint] = changed
        self.traffic.append({each.name: each.weight for each in changed.variants})

    def _free(self, endpoint: str) -> EndpointState:
        if endpoint not in self.endpoints:
            raise refusal(f"Could not find endpoint {endpoint}.")
        now = self.endpoints[endpoint]
        if now.status in CHANGING:
            raise EndpointBusyError(f"Cannot update in-progress endpoint {endpoint}.")
        if now.status == "Failed":
            raise refusal(f"Cannot update endpoint {endpoint} in status Failed.")
        return now

    def _configured(self, config: str) -> tuple[NewVariant, ...]:
        if config not in self.configs:
            raise RetryableError(f"Could not find endpoint configuration {config}.")
        return self.configs[config]

    def _delete(self, endpoint: str) -> None:
        now = self.endpoints.get(endpoint)
        if now is None:
            return
        if now.status in CHANGING:
            raise EndpointBusyError(f"Cannot update in-progress endpoint {endpoint}.")
        self.endpoints[endpoint] = replace(now, status="Deleting")
        self._pending[endpoint] = None

    def _delete_config(self, name: str) -> None:
        used = {state.config for state in (*self.endpoints.values(), *self._pending.values()) if state}
        assert name not in used, f"{name} is in use"
        self.configs.pop(name, None)


def _state(each: NewVariant) -> VariantState:
    return VariantState(
        name=each.name,
        weight=each.weight,
        desired_count=each.instance_count,
        instance_type=each.instance_type,
        model=each.model,
    )


@dataclass
class FakeRegistry:
    faults: Faults
    clock: Clock
    packages: dict[str, Package] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, group: str, version: int, approval: str = "Approved") -> str:
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{version}"
        self.packages[arn] = Package(
            arn=arn, group=group, version=version, approval=approval, description="", last_modified=self.clock.now()
        )
        return arn

    def approve(self, arn: str) -> None:
        self.packages[arn] = replace(self.packages[arn], approval="Approved", last_modified=self.clock.now())

    def describe(self, arn: str) -> Package:
        return self.faults.around(lambda: self._found(arn))  # type: ignore[no-any-return]

    def newest(self, group: str, approval: str) -> Package | None:
        found = (each for each in self.packages.values() if (each.group, each.approval) == (group, approval))
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: max(found, key=lambda each: each.version, default=None)
        )

    def reject(self, arn: str, reason: str) -> None:
        self.faults.around(lambda: self._reject(arn, " ".join(reason.split())[:DESCRIPTION_MAX]))

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        self.faults.around(lambda: self._annotate(arn, properties))

    def _found(self, arn: str) -> Package:
        if arn not in self.packages:
            raise refusal(f"ModelPackage {arn} does not exist.")
        return self.packages[arn]

    def _reject(self, arn: str, reason: str) -> None:
        now = self._found(arn)
        if (now.approval, now.description) != ("Rejected", reason):
            self._set(arn, approval="Rejected", description=reason)

    def _annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        now = self._found(arn)
        self.properties.setdefault(arn, {}).update(properties)
        self.packages[arn] = replace(now, properties=dict(self.properties[arn]), last_modified=self.clock.now())

    def _set(self, arn: str, **changes: str) -> None:
        self.packages[arn] = replace(self.packages[arn], **changes, last_modified=self.clock.now())  # type: ignore[arg-type]


@dataclass
class FakeEvents:
    faults: Faults
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def publish(self, detail_type: str, **detail: Any) -> None:
        self.faults.around(lambda: self.published.append((detail_type, detail)))

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[int, str]:
        self.faults.around(lambda: self.published.extend((kind, dict(detail)) for kind, detail in events))
        return {}

    def kinds(self) -> list[str]:
        return list(dict.fromkeys(kind for kind, _ in self.published))


@dataclass
class FakeExecutions:
    faults: Faults
    started: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)  # name -> status
    state_machine_arn: str = "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-rollout"

    def status(self, name: str) -> str | None:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: self.ended.get(name, "RUNNING") if name in self.started else None
        )

    def start(self, rollout_id: RolloutId) -> bool:
        return self._start(str(rollout_id))

    def start_restore(self, rollout_id: RolloutId, attempt: int) -> bool:
        return self._start(f"{rollout_id}-restore-{attempt}")

    def _start(self, name: str) -> bool:
        return self.faults.around(lambda: self._once(name))  # type: ignore[no-any-return]

    def _once(self, name: str) -> bool:
        if name in self.started:
            return False
        self.started.append(name)
        return True


@dataclass
class FakeSpecs:
    specs: dict[str, ModelSpec]

    def get(self, model: str) -> ModelSpec:
        from sluice.errors import UnknownModelError

        if model not in self.specs:
            raise UnknownModelError(f"no spec for model {model!r}")
        return self.specs[model]

    def names(self) -> list[str]:
        return sorted(self.specs)


@dataclass
class FakePipelines:
    """Executions by token. One that runs twice at a time, for a pipeline that Sluice starts, is a bug."""

    faults: Faults
    started: dict[str, FakeExecution] = field(default_factory=dict)
    refusing: bool = False

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        if self.refusing:
            raise RetryableError("ResourceLimitExceeded")
        return self.faults.around(lambda: self._start(pipeline, run, token, parameters))  # type: ignore[no-any-return]

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        def effect() -> str | None:
            matching = (each.arn for each in self.started.values() if (each.pipeline, each.run) == (pipeline, run))
            return next(matching, None)

        return self.faults.around(effect)  # type: ignore[no-any-return]

    def look(self, execution: str) -> tuple[str, str]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: next((each.status, each.run) for each in self.started.values() if each.arn == execution)
        )

    def running(self, pipeline: str) -> list[FakeExecution]:
        return [each for each in self.started.values() if each.pipeline == pipeline and each.status == "Executing"]

    def _start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        if token not in self.started:
            assert self.running(pipeline) == [], f"{run} would run beside another of {pipeline}"
            self.started[token] = FakeExecution(pipeline=pipeline, run=run, parameters=dict(parameters))
        return self.started[token].arn


@dataclass
class FakeExecution:
    """One execution of a pipeline."""

    pipeline: str
    run: str
    parameters: dict[str, str]
    status: str = "Executing"

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{self.pipeline}/execution/{self.run}"

    def event(self) -> dict[str, Any]:
        """What SageMaker says of its status, as it is now."""
        return {
            "source": "aws.sagemaker",
            "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
            "detail": {
                "pipelineExecutionArn": self.arn,
                "pipelineArn": self.arn.rsplit("/execution/", 1)[0],
                "pipelineExecutionDisplayName": self.run,
                "currentPipelineExecutionStatus": self.status,
            },
        }


@dataclass
class FakeBucket:
    faults: Faults
    name: str = "sluice-dev-data"
    objects: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)  # the current one by key, where it is not v1

    def current_versions(self, keys: Iterable[str]) -> dict[str, str]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: {key: self.versions.get(key, "v1") for key in keys if key in self.objects}
        )

    def read(self, uri: str) -> bytes | None:
        key = uri.removeprefix(f"s3://{self.name}/")
        return self.faults.around(lambda: self.objects.get(key))  # type: ignore[no-any-return]

    def look(self, uri: str) -> Found | None:
        found = self.faults.around(lambda: self.objects.get(uri.removeprefix(f"s3://{self.name}/")))
        return None if found is None else Found(len(found), START)

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def write(self, key: str, body: str) -> None:
        self.faults.around(lambda: self.objects.__setitem__(key, body.encode()))


@dataclass
class FakeRunSource:
    """Executions as they are; a test changes them as SageMaker would."""

    faults: Faults
    executions: dict[str, Run] = field(default_factory=dict)

    def read(self, execution: str, model: str) -> Run | None:
        return self.faults.around(lambda: self.executions.get(execution))  # type: ignore[no-any-return]


@dataclass
class FakeWakeUps:
    """What was booked, in that order: model and delay in seconds."""

    faults: Faults
    booked: list[tuple[str, float]] = field(default_factory=list)

    def book(self, model: str, delay_seconds: float) -> None:
        self.faults.around(lambda: self.booked.append((model, delay_seconds)))
