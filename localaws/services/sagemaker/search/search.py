"""Search: finds resources by their properties, read through the operations that list and describe them.

Version 2 of the SageMaker SDK looks for a package group so before it registers a model (Estimator.register).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, sorted_page
from localaws.services.sagemaker.search.expression import Expression, property_type

_SORTED_BY = "LastModifiedTime"  # the documented default


@dataclass(frozen=True, slots=True, kw_only=True)
class Searchable:
    """How the records of one resource are read."""

    list: str  # the operation that lists them
    summaries: str  # member of its answer
    id: str  # member of a summary, and parameter under which Describe takes it, unless that is ``parameter``
    describe: str
    arn: str
    parameter: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the list


SOURCES: Mapping[str, Searchable] = {
    "Endpoint": Searchable(
        list="ListEndpoints",
        summaries="Endpoints",
        id="EndpointName",
        describe="DescribeEndpoint",
        arn="EndpointArn",
    ),
    "ModelPackage": Searchable(
        list="ListModelPackages",
        summaries="ModelPackageSummaryList",
        id="ModelPackageArn",
        describe="DescribeModelPackage",
        arn="ModelPackageArn",
        parameter="ModelPackageName",
        arguments={"ModelPackageType": "Both"},
    ),
    "ModelPackageGroup": Searchable(
        list="ListModelPackageGroups",
        summaries="ModelPackageGroupSummaryList",
        id="ModelPackageGroupName",
        describe="DescribeModelPackageGroup",
        arn="ModelPackageGroupArn",
    ),
    "Pipeline": Searchable(
        list="ListPipelines",
        summaries="PipelineSummaries",
        id="PipelineName",
        describe="DescribePipeline",
        arn="PipelineArn",
    ),
    "TrainingJob": Searchable(
        list="ListTrainingJobs",
        summaries="TrainingJobSummaries",
        id="TrainingJobName",
        describe="DescribeTrainingJob",
        arn="TrainingJobArn",
    ),
}


class Search:
    """The operation Search, for the resources in ``SOURCES``; others are refused by name."""

    name = "sagemaker"

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"Search": self.search}

    def search(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("Search", params)
        resource = params["Resource"]
        for unsupported in ("VisibilityConditions", "CrossAccountFilterOption"):
            if params.get(unsupported):
                raise AwsError("NotImplemented", f"{unsupported} is not supported by the local AWS", 501)
        source = SOURCES.get(resource)
        if source is None:
            known = ", ".join(SOURCES)
            raise AwsError("NotImplemented", f"the local AWS searches {known}, not {resource}", 501)
        shape = get_service_model("sagemaker").shape_for(resource)
        expression = Expression(params["SearchExpression"], shape) if params.get("SearchExpression") else None
        records = [each for each in self._records(source) if expression is None or expression.matches(each)]
        by = params.get("SortBy") or _SORTED_BY
        if params.get("SortBy"):
            property_type(shape, by.split("."), by)
        page, token = sorted_page(records, {**params, "SortBy": by}, _order(by))
        kept = [{name: value for name, value in record.items() if name in shape.members} for record in page]
        return {
            "Results": [{resource: record} for record in kept],
            "TotalHits": {"Value": len(records), "Relation": "EqualTo"},
            **token,
        }

    def _records(self, source: Searchable) -> Iterator[dict[str, Any]]:
        sagemaker = self._context.client("sagemaker", None)
        for page in sagemaker.get_paginator(xform_name(source.list)).paginate(**source.arguments):
            for summary in page[source.summaries]:
                wanted = {source.parameter or source.id: summary[source.id]}
                try:
                    record = getattr(sagemaker, xform_name(source.describe))(**wanted)
                    tags = sagemaker.list_tags(ResourceArn=record[source.arn])["Tags"]
                except ClientError:  # deleted meanwhile
                    continue
                yield {**record, "Tags": tags}


def _order(by: str) -> Order:
    def key(record: Mapping[str, Any]) -> Any:
        value = record.get(by, record.get("CreationTime") if by == _SORTED_BY else None)  # a group has no changes
        return (value is not None, value)

    return Order(keys={by: key}, default=by, descending=True)
