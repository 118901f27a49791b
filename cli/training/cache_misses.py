"""Why a step did its work instead of taking it from the cache: the attributes in which it differs from its last run.

Which attributes SageMaker compares:
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sluice.errors import AwsRefusedError
from sluice.pipeline_runs.run import PipelineRun, StepRun

from cli.session import CliSession, every

_COMPARED: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
}
_GONE = ("ResourceNotFound", "ValidationException")
_ABSENT = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMiss:
    """One attribute of a step that differs from what its last successful run had."""

    step: str
    run: str
    """The id of the run with the other value."""
    key: str
    """Such as ``ProcessingInputs.code.S3Input.S3Uri``."""
    before: str
    now: str

    def __str__(self) -> str:
        return f"not from the cache: {self.key} is {self.now}; in run {self.run} it was {self.before}"

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def cache_misses(session: CliSession, run: PipelineRun, runs: Sequence[PipelineRun]) -> list[CacheMiss]:
    """The differences of each job of ``run`` that worked to the same step of the newest earlier run that succeeded.

    Nothing for a step without an earlier run, or one that SageMaker no longer describes.
    """
    return [miss for step in run.steps if _has_worked(step) for miss in _misses(session, run, step, runs)]


def _has_worked(step: StepRun) -> bool:
    return step.kind in _COMPARED and not step.cached_from


def _misses(session: CliSession, run: PipelineRun, step: StepRun, runs: Sequence[PipelineRun]) -> Iterator[CacheMiss]:
    earlier = next(iter(_executions_before(run, step.name, runs)), None)
    if earlier is None:
        return
    now, before = (_attributes(session, execution, step) for execution in (run.execution, earlier))
    if now is None or before is None:
        return
    for key in sorted(now.keys() | before.keys()):
        if now.get(key) != before.get(key):
            yield CacheMiss(
                step=step.name,
                run=earlier.rsplit("/", 1)[-1],
                key=key,
                before=before.get(key, _ABSENT),
                now=now.get(key, _ABSENT),
            )


def _executions_before(run: PipelineRun, step: str, runs: Sequence[PipelineRun]) -> Iterator[str]:
    """ARNs of the earlier executions whose job gave the step's result, the newest first."""
    for earlier in runs:
        for each in earlier.steps if earlier.started_at < run.started_at else ():
            if each.name == step and each.status == "Succeeded":
                yield each.cached_from or earlier.execution


def _attributes(session: CliSession, execution: str, step: StepRun) -> dict[str, str] | None:
    """What the step's job was given, flat, as far as SageMaker compares it; None if that is not known any more."""
    sagemaker = session.clients("sagemaker")
    try:
        steps = every(sagemaker.list_pipeline_execution_steps, "PipelineExecutionSteps", PipelineExecutionArn=execution)
        found = next(each for each in steps if each["StepName"] == step.name)
        name = found["Metadata"][f"{step.kind}Job"]["Arn"].rsplit("/", 1)[-1]
        describe = {"Processing": "describe_processing_job", "Training": "describe_training_job"}[step.kind]
        described = getattr(sagemaker, describe)(**{f"{step.kind}JobName": name})
    except (KeyError, StopIteration):
        return None
    except AwsRefusedError as error:
        if error.code in _GONE:
            return None
        raise
    return dict(_flat({key: described[key] for key in _COMPARED[step.kind] if described.get(key)}))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf with its path; items of a list by their name where they have one, as in ``ProcessingInputs.code``."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for position, inner in enumerate(value):
            yield from _flat(inner, f"{path}.{_name(inner, position)}")
    else:
        yield path, str(value)


def _name(item: Any, position: int) -> str:
    named: Iterable[str] = (
        (item[key] for key in ("InputName", "ChannelName") if key in item) if isinstance(item, Mapping) else ()
    )
    return next(iter(named), str(position))
