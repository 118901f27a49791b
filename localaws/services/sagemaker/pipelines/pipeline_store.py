"""The pipelines of the account: their definitions and what Describe and List answer about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError, invalid
from localaws.services.sagemaker.pipelines.definition import Definition, UnsupportedStepError, parse_definition
from localaws.services.sagemaker.pipelines.parameters import DefinitionError
from localaws.services.sagemaker.pipelines.schedule import StepSchedule, schedule_of
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page

ORDER = Order(
    keys={"Name": lambda pipeline: pipeline.name, "CreationTime": lambda pipeline: pipeline.created_at},
    default="CreationTime",
    descending=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline as it is now; an update makes another one."""

    name: str
    arn: str
    request: Mapping[str, Any]  # of CreatePipeline, with the updates laid over it
    definition: Definition
    schedule: StepSchedule
    created_at: datetime
    modified_at: datetime
    author: Mapping[str, Any]
    editor: Mapping[str, Any]
    last_run_at: datetime | None = None

    @classmethod
    def make(cls, request: Mapping[str, Any], arn: str, now: datetime, author: Mapping[str, Any]) -> Pipeline:
        """The pipeline a CreatePipeline request describes; raises AwsError for a bad definition."""
        definition, schedule = _read(request)
        return cls(
            name=request["PipelineName"],
            arn=arn,
            request=request,
            definition=definition,
            schedule=schedule,
            created_at=now,
            modified_at=now,
            author=author,
            editor=author,
        )

    def updated(self, request: Mapping[str, Any], now: datetime, editor: Mapping[str, Any]) -> Pipeline:
        """The pipeline after an UpdatePipeline request: what it does not mention stays."""
        merged = {**self.request, **{key: value for key, value in request.items() if value is not None}}
        definition, schedule = _read(merged)
        return replace(self, request=merged, definition=definition, schedule=schedule, modified_at=now, editor=editor)

    @property
    def definition_text(self) -> str:
        return str(self.request["PipelineDefinition"])

    @property
    def role_arn(self) -> str:
        return str(self.request["RoleArn"])

    def description(self) -> dict[str, Any]:
        """What DescribePipeline answers."""
        optional = ("PipelineDescription", "ParallelismConfiguration")
        return {
            **self.summary(),
            **{key: self.request[key] for key in optional if self.request.get(key) is not None},
            "PipelineDefinition": self.definition_text,
            "PipelineStatus": "Active",
            "CreatedBy": self.author,
            "LastModifiedBy": self.editor,
            **({"LastRunTime": self.last_run_at} if self.last_run_at else {}),
        }

    def summary(self) -> dict[str, Any]:
        """The entry of ListPipelines."""
        description = self.request.get("PipelineDescription")
        return {
            "PipelineArn": self.arn,
            "PipelineName": self.name,
            "PipelineDisplayName": self.request.get("PipelineDisplayName") or self.name,
            "RoleArn": self.role_arn,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
            **({"PipelineDescription": description} if description else {}),
            **({"LastExecutionTime": self.last_run_at} if self.last_run_at else {}),
        }


def pipelines_page(pipelines: list[Pipeline], params: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ListPipelines."""
    prefix = params.get("PipelineNamePrefix") or ""
    found = [
        pipeline
        for pipeline in pipelines
        if pipeline.name.startswith(prefix) and in_time(pipeline.summary(), "CreationTime", params, "Created")
    ]
    page, token = sorted_page(found, params, ORDER)
    return {"PipelineSummaries": [pipeline.summary() for pipeline in page], **token}


def _read(request: Mapping[str, Any]) -> tuple[Definition, StepSchedule]:
    if not request.get("PipelineDefinition"):
        raise AwsError(
            "NotImplemented", "only a definition given as PipelineDefinition is supported by the local AWS", 501
        )
    try:
        definition = parse_definition(request["PipelineDefinition"])
        return definition, schedule_of(definition)
    except UnsupportedStepError as error:
        raise AwsError("NotImplemented", str(error), 501) from error
    except DefinitionError as error:
        raise invalid(f"Unable to parse pipeline definition. {error}") from error
