"""A small SageMaker, registry, CloudWatch and friends, in memory, with faults at any call.

Every call of every fake counts one; ``Faults`` makes the n-th raise, before or after its effect, as a crash of the
function or a lost answer would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.aws.clients import translate_client_error
from sluice.aws.model_registry import DESCRIPTION_MAX, Package, PackagedContainer, deleted_package
from sluice.aws.s3 import StoredObject
from sluice.errors import RetryableError, SluiceError
from sluice.pipeline_runs.run import PipelineRun
from sluice.rollout.planning.origin import TrustedOrigins
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.builders.aws_clients import client_error


def refusal(message: str) -> SluiceError:
    """SageMaker's answer to nearly everything that is wrong."""
    return translate_client_error(client_error("", "ValidationException", message))


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
    """Raise at the ``at``-th call, before its effect or after it; 0 never.

    Or the answer of that call is lost and the SDK repeats it: the caller hears only of the second effect.
    """

    at: int = 0
    after_effect: bool = False
    is_repeated: bool = False
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
        if failing and self.is_repeated:
            effect()
            return effect()
        if failing and not self.after_effect:
            raise self.error("injected: the call did not arrive")
        result = effect()
        if failing:
            raise self.error("injected: the answer did not arrive")
        return result


IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
ARTIFACT = "s3://sluice-dev-data/pipelines/fraud/x/model.tar.gz"
TRUSTED = TrustedOrigins(
    bucket="sluice-dev-data",
    images=("arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost",),
    artifacts=(),
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
            arn=arn,
            group=group,
            version=version,
            approval=approval,
            description="",
            last_modified=self.clock.now(),
            containers=(PackagedContainer(image=IMAGE, artifacts=(("ModelDataUrl", ARTIFACT),)),),
        )
        return arn

    def register(self, group: str, version: int, status: str, failure: str = "") -> str:
        """A version that is Approved, whatever has become of its registration."""
        arn = self.add(group, version)
        self.move_on(arn, status, failure)
        return arn

    def move_on(self, arn: str, status: str, failure: str = "") -> None:
        self._set(arn, status=status, failure=failure)

    def decide(self, arn: str, approval: str, description: str | None = None) -> None:
        """A person sets the approval, whatever it was; with a description if there is one."""
        self._set(arn, approval=approval, **({} if description is None else {"description": description}))

    def note(self, arn: str) -> None:
        """Somebody changes something else of the version."""
        self._set(arn)

    def delete(self, arn: str) -> None:
        """A person deletes the version."""
        del self.packages[arn]

    def approve(self, arn: str) -> None:
        self.packages[arn] = replace(self.packages[arn], approval="Approved", last_modified=self.clock.now())

    def describe(self, arn: str) -> Package:
        return self.faults.around(lambda: self._found(arn))  # type: ignore[no-any-return]

    def newest(self, group: str, approval: str) -> Package | None:
        found = (each for each in self.packages.values() if (each.group, each.approval) == (group, approval))
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: max(found, key=lambda each: each.version, default=None)
        )

    def approved(self, group: str) -> dict[int, str]:
        def effect() -> dict[int, str]:
            found = (each for each in self.packages.values() if (each.group, each.is_approved) == (group, True))
            return {each.version: each.arn for each in sorted(found, key=lambda each: -each.version)}

        return self.faults.around(effect)  # type: ignore[no-any-return]

    def reject(self, arn: str, reason: str, *, unless_approved_since: datetime | None = None) -> bool:
        """It reads first, and then changes: two calls."""
        now = self.describe(arn)
        if unless_approved_since and now.is_approved and now.last_modified > unless_approved_since:
            return False
        text = " ".join(reason.split())[:DESCRIPTION_MAX]
        if not now.is_deleted and (now.approval, now.description) != ("Rejected", text):
            self.faults.around(lambda: self._reject(arn, text))
        return True

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        self.faults.around(lambda: self._annotate(arn, properties))

    def _found(self, arn: str) -> Package:
        return self.packages.get(arn) or deleted_package(arn)

    def _reject(self, arn: str, reason: str) -> None:
        if not self._found(arn).is_deleted:
            self._set(arn, approval="Rejected", description=reason)

    def _annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        now = self._found(arn)
        if now.is_deleted:
            return
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
    began: dict[str, datetime] = field(default_factory=dict)  # of executions that a test looks for
    state_machine_arn: str = "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-rollout"

    def status(self, name: str) -> str | None:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: self.ended.get(name, "RUNNING") if name in self.started else None
        )

    def started_at(self, name: str) -> datetime | None:
        return self.faults.around(lambda: self.began.get(name))  # type: ignore[no-any-return]

    def start(self, rollout_id: RolloutId) -> bool:
        return self._start(str(rollout_id))

    def start_restore(self, rollout_id: RolloutId, attempt: int) -> bool:
        return self._start(f"{rollout_id}-restore-{attempt}")

    def _start(self, name: str) -> bool:
        return self.faults.around(lambda: self._once(name))  # type: ignore[no-any-return]

    def _once(self, name: str) -> bool:
        if name in self.ended or name in self.began:
            return False
        if name not in self.started:  # as AWS: one that runs is started once, and the second start succeeds
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
    offered: tuple[str, ...] = ("NumRound", "Eta", "Rounds", "Trees")
    steps: tuple[Mapping[str, Any], ...] = ()  # of the definition

    def definition(self, _pipeline: str) -> Mapping[str, Any]:
        parameters = [{"Name": name, "Type": "String"} for name in (*self.offered, "InputData")]
        return self.faults.around(lambda: {"Parameters": parameters, "Steps": list(self.steps)})  # type: ignore[no-any-return]

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        if self.refusing:
            raise RetryableError("ResourceLimitExceeded")
        return self.faults.around(lambda: self._start(pipeline, run, token, parameters))  # type: ignore[no-any-return]

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        def effect() -> str | None:
            matching = (each.arn for each in self.started.values() if (each.pipeline, each.run) == (pipeline, run))
            return next(matching, None)

        return self.faults.around(effect)  # type: ignore[no-any-return]

    def status_and_name(self, execution: str) -> tuple[str, str]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: next(
                ((each.status, each.run) for each in self.started.values() if each.arn == execution), ("Stopped", "")
            )
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

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        found = self.faults.around(lambda: self.objects.get(uri.removeprefix(f"s3://{self.name}/")))
        return None if found is None else bytes(found[:most_bytes])

    def head(self, uri: str) -> StoredObject | None:
        artifact = b"a model" if uri == ARTIFACT else None
        found = self.faults.around(lambda: self.objects.get(uri.removeprefix(f"s3://{self.name}/"), artifact))
        if found is None:
            return None
        return StoredObject(len(found), START, etag=hashlib.md5(found).hexdigest())

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def write(self, key: str, body: str) -> None:
        self.faults.around(lambda: self.objects.__setitem__(key, body.encode()))


@dataclass
class FakeRunReader:
    """Executions as they are; a test changes them as SageMaker would."""

    faults: Faults
    executions: dict[str, PipelineRun] = field(default_factory=dict)

    def read(self, execution: str, model: str) -> PipelineRun | None:
        return self.faults.around(lambda: self.executions.get(execution))  # type: ignore[no-any-return]


@dataclass
class FakeWakeUps:
    """What was booked, in that order: model and delay in seconds."""

    faults: Faults
    booked: list[tuple[str, float]] = field(default_factory=list)
    again: list[tuple[Mapping[str, Any], float]] = field(default_factory=list)

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        self.faults.around(lambda: self.booked.append((model, delay_seconds)))

    def send_again(self, message: Mapping[str, Any], delay_seconds: float) -> None:
        self.faults.around(lambda: self.again.append((message, delay_seconds)))


@dataclass
class FakeParked:
    """Messages and why each was parked."""

    faults: Faults
    messages: list[tuple[str, str]] = field(default_factory=list)

    def park(self, body: str, reason: str) -> None:
        self.faults.around(lambda: self.messages.append((body, reason)))
