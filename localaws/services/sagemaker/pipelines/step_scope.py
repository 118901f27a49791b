"""Resolves the references of a step during an execution: parameters, variables, earlier steps, S3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.services.sagemaker.containers.s3_storage import S3Uri, TransferError, fetch
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.references import ReferenceUnresolvedError
from localaws.services.sagemaker.resources.timestamps import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScope:
    """Implements ``ReferenceScope``. ``s3`` is a client under the pipeline's role."""

    execution: Execution
    s3: Any
    now: datetime
    job_name: str | None = None
    _documents: dict[str, Any] = field(default_factory=dict)

    def parameter(self, name: str) -> Any:
        return self.execution.plan.parameters[name]

    def variable(self, name: str) -> str:
        """An execution variable; those of a job exist only while one is created."""
        value = {
            "PipelineExecutionId": self.execution.id,
            "PipelineExecutionArn": self.execution.arn,
            "PipelineName": self.execution.plan.pipeline_name,
            "PipelineArn": self.execution.plan.pipeline_arn,
            "StartDateTime": iso(self.execution.created_at),
            "CurrentDateTime": iso(self.now),
            "TrainingJobName": self.job_name,
            "ProcessingJobName": self.job_name,
        }.get(name)
        if value is None:
            raise ReferenceUnresolvedError(f"Execution.{name} is not known in this step")
        return value

    def outputs(self, step: str) -> Mapping[str, Any]:
        run = self.execution.runs.get(step)
        if run is None or run.status != "Succeeded":
            raise ReferenceUnresolvedError(f"step {step} has not succeeded")
        return run.outputs

    def property_file(self, step: str, name: str) -> Any:
        """The content of a property file: read where the step's job, or the cached one, has put it."""
        file = self.execution.plan.definition.step(step).property_files[name]
        outputs = self.outputs(step).get("ProcessingOutputConfig", {}).get("Outputs", [])
        for output in outputs:
            if output["OutputName"] == file.output:
                return self.json_object(str(S3Uri.parse(output["S3Output"]["S3Uri"]).child(file.path)))
        raise ReferenceUnresolvedError(f"step {step} has no output {file.output}")

    def json_object(self, s3_uri: str) -> Any:
        """A JSON document in S3, read once."""
        if s3_uri not in self._documents:
            try:
                self._documents[s3_uri] = json.loads(fetch(self.s3, S3Uri.parse(s3_uri)))
            except (TransferError, ValueError) as error:
                raise ReferenceUnresolvedError(f"{s3_uri} could not be read as JSON: {error}") from error
        return self._documents[s3_uri]
