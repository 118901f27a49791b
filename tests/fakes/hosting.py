"""SageMaker hosting in memory: endpoints, configs, and deployments that SageMaker carries out and takes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.state import CHANGING, EndpointState, NewConfig, NewVariant, VariantState
from sluice.errors import EndpointBusyError, NotVisibleYetError

from tests.fakes.aws_state import Faults, refusal

DEPLOYMENT_STEPS = 3


@dataclass
class Guarded:
    """A deployment that SageMaker carries out; ``left`` counts its steps."""

    old: EndpointState
    wanted: EndpointState
    alarms: tuple[str, ...]
    left: int = DEPLOYMENT_STEPS


@dataclass
class FakeHosting:
    """Endpoints that are Updating after each change until ``settle``; a guarded one takes some more of them."""

    faults: Faults
    endpoints: dict[str, EndpointState] = field(default_factory=dict)
    configs: dict[str, NewConfig] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    made: dict[str, datetime] = field(default_factory=dict)  # models of before, which a test looks for
    environments: dict[str, dict[str, str]] = field(default_factory=dict)  # of models
    roles: dict[str, str] = field(default_factory=dict)  # of models
    isolated: set[str] = field(default_factory=set)  # models whose code has no network
    unhealthy: set[str] = field(default_factory=set)  # models that never become healthy
    why_unhealthy: str = "ping failed"
    traffic: list[dict[str, float]] = field(default_factory=list)  # weights after every change
    alarms: Mapping[str, str] = field(default_factory=dict)  # name -> state, as CloudWatch has them
    is_registered: Callable[[str], bool] = lambda _arn: True  # whether the Model Registry has this version
    heeds_alarms: bool = True
    deployments: list[Deployment] = field(default_factory=list)
    is_scaled: Callable[[str, str], bool] = lambda _endpoint, _variant: False
    _pending: dict[str, EndpointState | None] = field(default_factory=dict)  # None: it will be gone
    _guarded: dict[str, Guarded] = field(default_factory=dict)
    _maintained: dict[str, int] = field(default_factory=dict)

    def maintain(self, endpoint: str, settles: int = 1) -> None:
        """SageMaker updates the hosts of an endpoint in service by itself, until it has settled so often."""
        now = self.endpoints[endpoint]
        assert now.is_settled, "SageMaker maintains what is in service"
        self.endpoints[endpoint] = replace(now, status="SystemUpdating")
        self._maintained[endpoint] = settles

    def settle(self) -> None:
        for name in dict.fromkeys((*self._maintained, *self._pending, *self._guarded)):
            self.settle_endpoint(name)

    def settle_endpoint(self, name: str) -> None:
        if name in self._maintained:
            self._maintained[name] -= 1
            if not self._maintained[name]:
                del self._maintained[name]
                self.endpoints[name] = replace(self.endpoints[name], status="InService")
        if name in self._pending:
            state = self._pending.pop(name)
            if state is None:
                del self.endpoints[name]
            else:
                self.endpoints[name] = state
        if name in self._guarded:
            self._step(name, self._guarded[name])

    def _step(self, name: str, deployment: Guarded) -> None:
        deployment.left -= 1
        ringing = [each for each in deployment.alarms if self.alarms.get(each) == "ALARM" and self.heeds_alarms]
        reason = f"alarms in ALARM state: {', '.join(ringing)}" if ringing else ""
        if any(each.model in self.unhealthy for each in deployment.wanted.variants):
            reason = self.why_unhealthy
        if reason:
            self._pending[name] = replace(deployment.old, failure_reason=reason)
            self.endpoints[name] = replace(deployment.old, status="RollingBack", failure_reason=reason)
        elif deployment.left == 0:
            self.endpoints[name] = deployment.wanted
        if reason or deployment.left == 0:
            del self._guarded[name]

    def describe(self, endpoint: str) -> EndpointState | None:
        return self.faults.around(lambda: self.endpoints.get(endpoint))  # type: ignore[no-any-return]

    def create_model(
        self,
        name: str,
        package_arn: str,
        role_arn: str,
        environment: Mapping[str, str] | None = None,
        *,
        network_isolation: bool = False,
    ) -> None:
        def create() -> None:
            if not self.is_registered(package_arn):
                raise refusal(f"ModelPackage {package_arn} does not exist.")
            self.models.setdefault(name, package_arn)
            self.roles.setdefault(name, role_arn)
            self.isolated |= {name} if network_isolation else set()
            self.environments.setdefault(name, dict(environment or {}))

        self.faults.around(create)

    def model_created_at(self, name: str) -> datetime | None:
        return self.faults.around(lambda: self.made.get(name))  # type: ignore[no-any-return]

    def create_config(self, config: NewConfig) -> None:
        self.faults.around(lambda: self.configs.setdefault(config.name, config))

    def create_endpoint(self, endpoint: str, config: str) -> None:
        self.faults.around(lambda: self._create(endpoint, config))

    def update_endpoint(self, endpoint: str, config: str, deployment: Deployment | None = None) -> None:
        self.faults.around(lambda: self._use(endpoint, config, deployment))

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
        made = self._settled(endpoint, self._configured(config))
        failed = any(each.model in self.unhealthy for each in made.variants)
        self.endpoints[endpoint] = replace(made, status="Creating")
        self._pending[endpoint] = replace(
            made, status="Failed" if failed else "InService", failure_reason=self.why_unhealthy if failed else ""
        )

    def _settled(self, endpoint: str, config: NewConfig) -> EndpointState:
        return EndpointState(
            name=endpoint,
            status="InService",
            config=config.name,
            variants=tuple(_state(each) for each in config.variants),
            shadows=(_state(config.shadow),) if config.shadow else (),
            is_async=config.async_config is not None,
        )

    def _use(self, endpoint: str, config: str, deployment: Deployment | None) -> None:
        now = self._free(endpoint)
        settled = self._settled(endpoint, self._configured(config))
        if settled.kind != now.kind:
            raise refusal(f"{endpoint} is {now.kind} and cannot become {settled.kind}.")
        types = {each.name: each.instance_type for each in settled.variants}
        for each in now.variants:
            if types.get(each.name) != each.instance_type and self.is_scaled(endpoint, each.name):
                raise refusal(f"Cannot remove variant {each.name}: it is registered as a scalable target.")
        resizes = deployment is not None and deployment.resizes
        wanted = replace(settled, variants=tuple(_retained(each, now, resizes) for each in settled.variants))
        if deployment is not None:
            self._deploy(now, wanted, deployment)
            return
        self.endpoints[endpoint] = replace(now, status="Updating", deploying=config)
        if any(each.model in self.unhealthy for each in (*wanted.variants, *wanted.shadows)):
            self._pending[endpoint] = replace(now, failure_reason=self.why_unhealthy)
        else:
            self._pending[endpoint] = wanted

    def _deploy(self, now: EndpointState, wanted: EndpointState, deployment: Deployment) -> None:
        if missing := [name for name in deployment.alarms if name not in self.alarms]:
            raise refusal(f"Could not find the alarms {missing} of AutoRollbackConfiguration.")
        if {each.name for each in now.variants} != {each.name for each in wanted.variants}:
            raise refusal("Deployment guardrails need the variant names of the endpoint.")
        self.deployments.append(deployment)
        self.endpoints[now.name] = replace(now, status="Updating", deploying=wanted.config, failure_reason="")
        self._guarded[now.name] = Guarded(replace(now, failure_reason=""), wanted, deployment.alarms)

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

    def _configured(self, config: str) -> NewConfig:
        if config not in self.configs:
            raise NotVisibleYetError(f"Could not find endpoint configuration {config}.")
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
        states = (*self.endpoints.values(), *self._pending.values(), *(each.wanted for each in self._guarded.values()))
        assert name not in {state.config for state in states if state}, f"{name} is in use"
        self.configs.pop(name, None)


def _retained(wanted: VariantState, now: EndpointState, resizes: bool) -> VariantState:
    """With the weight, and unless it is resized the count, of the variant that has this name now."""
    kept = now.variant(wanted.name)
    if kept is None:
        return wanted
    return replace(wanted, weight=kept.weight, desired_count=wanted.desired_count if resizes else kept.desired_count)


def _state(each: NewVariant) -> VariantState:
    return VariantState(
        name=each.name,
        weight=each.weight,
        desired_count=each.instance_count,
        instance_type=each.instance_type,
        model=each.model,
        serverless=each.serverless,
    )
