"""Reads a pipeline run from SageMaker: its execution, parameters, steps and evaluation reports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError
from sluice.pipeline_runs.run import PipelineRun, StepRun

_CODE = re.compile(r's3://[^/"]+/code/[^/"]+/[0-9a-f]{64}')
_KIND_OF_METADATA = {
    "ProcessingJob": "Processing",
    "TrainingJob": "Training",
    "RegisterModel": "RegisterModel",
    "Condition": "Condition",
    "Fail": "Fail",
}

Response = Mapping[str, Any]


class RunReader:
    """Reads executions; nothing is cached, since events of them come late and out of order."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, execution: str, model: str) -> PipelineRun | None:
        """The run as it is now, without its metrics; None if it was deleted, with its pipeline."""
        try:
            return self._read(execution, model)
        except AwsRefusedError as error:
            if error.code == "ResourceNotFound":
                return None
            raise

    def _read(self, execution: str, model: str) -> PipelineRun:
        """The status is read before the steps, so that a run that has ended comes with all of its steps."""
        found = self._client.describe_pipeline_execution(PipelineExecutionArn=execution)
        definition = self._client.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
        compiled = json.loads(definition["PipelineDefinition"])
        given = _items(
            self._client.list_pipeline_parameters_for_execution, "PipelineParameters", PipelineExecutionArn=execution
        )
        steps = _items(
            self._client.list_pipeline_execution_steps,
            "PipelineExecutionSteps",
            PipelineExecutionArn=execution,
            SortOrder="Ascending",
        )
        return PipelineRun(
            model=model,
            execution=execution,
            status=found["PipelineExecutionStatus"],
            started_at=found["CreationTime"],
            modified_at=found.get("LastModifiedTime") or found["CreationTime"],
            parameters={**_defaults(compiled), **{one["Name"]: one["Value"] for one in given}},
            steps=tuple(_step(step) for step in steps),
            code=_training_code(compiled),
            step_code=_step_code(compiled),
            reports=tuple(self._reports(compiled, steps)),
            package_arn=_package(steps),
            execution_reason=found.get("FailureReason", ""),
        )

    def _reports(self, definition: Response, steps: Sequence[Response]) -> Iterator[str]:
        """Where succeeded processing jobs wrote the files that conditions read: the evaluation reports."""
        files = {step["Name"]: step.get("PropertyFiles", []) for step in _all_steps(definition["Steps"])}
        for step in steps:
            job = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn", "")
            if step["StepStatus"] != "Succeeded" or not job or not files.get(step["StepName"]):
                continue
            described = self._client.describe_processing_job(ProcessingJobName=job.rsplit("/", 1)[-1])
            outputs = {
                output["OutputName"]: output["S3Output"]["S3Uri"]
                for output in described.get("ProcessingOutputConfig", {}).get("Outputs", [])
            }
            for file in files[step["StepName"]]:
                if file["OutputName"] in outputs:
                    yield f"{outputs[file['OutputName']].rstrip('/')}/{file['FilePath']}"


def _items(call: Callable[..., Response], key: str, **request: Any) -> list[Any]:
    """The items of all pages of a listing."""
    return [each for page in pages(call, **request) for each in page.get(key, [])]


def _all_steps(steps: Sequence[Response]) -> Iterator[Response]:
    """The steps of a definition with those inside of conditions."""
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            arguments = step["Arguments"]
            yield from _all_steps([*arguments.get("IfSteps", []), *arguments.get("ElseSteps", [])])


def _defaults(definition: Response) -> dict[str, str]:
    """The parameters' defaults as text, which is how SageMaker takes values."""
    found = {one["Name"]: one["DefaultValue"] for one in definition.get("Parameters", []) if "DefaultValue" in one}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}


def _step_code(definition: Response) -> dict[str, str]:
    """The S3 URI of each job's code, by the name of its step."""
    jobs = (step for step in _all_steps(definition["Steps"]) if step["Type"] != "Condition")
    found = {step["Name"]: _CODE.search(json.dumps(step.get("Arguments", {}))) for step in jobs}
    return {name: uri[0] for name, uri in found.items() if uri}


def _training_code(definition: Response) -> str:
    """The training's code, or another job's where none trains; empty if the definition names no code."""
    code = _step_code(definition)
    trains = (step["Name"] for step in _all_steps(definition["Steps"]) if step["Type"] == "Training")
    return next((code[name] for name in (*trains, *code) if name in code), "")


def _step(found: Response) -> StepRun:
    kinds = [kind for name, kind in _KIND_OF_METADATA.items() if name in found.get("Metadata", {})]
    return StepRun(
        name=found["StepName"],
        kind=kinds[0] if kinds else "",
        status=found["StepStatus"],
        started_at=found.get("StartTime"),
        ended_at=found.get("EndTime"),
        cached_from=found.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", ""),
        attempts=int(found.get("AttemptCount", 0)),
        reason=found.get("FailureReason", ""),
    )


def _package(steps: Sequence[Response]) -> str:
    arns = [step.get("Metadata", {}).get("RegisterModel", {}).get("Arn", "") for step in steps]
    return next(filter(None, arns), "")
