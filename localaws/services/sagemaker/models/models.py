"""SageMaker models: which image serves which artifact, under which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, invalid
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page
from localaws.services.sagemaker.resources.store import RecordStore
from localaws.services.sagemaker.resources.tags import forget_tags, tag_on_create

_ORDER = Order(
    keys={"Name": lambda model: model.name, "CreationTime": lambda model: model.created},
    default="CreationTime",
    descending=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """What one instance runs: all that is needed to start it, and later its replacement."""

    image: str
    model_data_url: str
    environment: Mapping[str, str]
    role_arn: str
    is_isolated: bool = False  # its code has no network and no credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, immutable. ``request`` is what CreateModel was given."""

    name: str
    arn: str
    created: datetime
    request: Mapping[str, Any]
    container: ContainerSpec


class Models:
    """CreateModel and its kin; one container per model, from an approved package or given directly."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.store: RecordStore[Model] = RecordStore(context, kind="model", arn_type="model")

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "DeleteModel": self.delete,
            "ListModels": self.list,
        }

    def create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("CreateModel", params)
        name = params["ModelName"]
        self.store.refuse_taken(name)
        container = replace(self._container(params), is_isolated=bool(params.get("EnableNetworkIsolation")))
        arn = self.store.arn(name)
        tag_on_create(self._context, arn, params.get("Tags"))
        self.store.add(Model(name=name, arn=arn, created=self._context.now(), request=params, container=container))
        return {"ModelArn": arn}

    def describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        model = self.store.get(params["ModelName"])
        given = {key: value for key, value in model.request.items() if key != "Tags"}
        isolated = {"EnableNetworkIsolation": model.request.get("EnableNetworkIsolation", False)}
        return given | isolated | {"ModelArn": model.arn, "CreationTime": model.created}

    def delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Forget the model; endpoints that serve it go on doing so."""
        forget_tags(self._context, self.store.remove(params["ModelName"]).arn)
        return {}

    def list(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListModels", params)
        found = [
            model
            for model in self.store.all()
            if params.get("NameContains", "").lower() in model.name.lower()
            and in_time({"CreationTime": model.created}, "CreationTime", params, "CreationTime")
        ]
        page, token = sorted_page(found, params, _ORDER)
        return {
            "Models": [
                {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created} for model in page
            ],
            **token,
        }

    def _container(self, params: Mapping[str, Any]) -> ContainerSpec:
        definition = _only_container(params)
        if not params.get("ExecutionRoleArn"):
            raise invalid("ExecutionRoleArn is required unless the model is for an inference component.")
        package = definition.get("ModelPackageName")
        if package and (definition.get("Image") or definition.get("ModelDataUrl")):
            raise invalid("ModelPackageName cannot be combined with Image or ModelDataUrl.")
        if not package:
            return container_spec(definition, {}, params["ExecutionRoleArn"])
        source, added = self._container_of_package(package), definition.get("Environment") or {}
        reading = self._context.choices.added_environment
        if reading == "refuse" and source.get("Environment") and added:
            both = f"both at Model Package: {package} and Model: {params['ModelName']}"
            raise invalid(f"Environment variable map cannot be specified {both}")
        if reading == "replace" and added:
            source = {**source, "Environment": {}}
        return container_spec(source, added, params["ExecutionRoleArn"])

    def _container_of_package(self, name: str) -> Mapping[str, Any]:
        try:
            package = self._context.client("sagemaker", None).describe_model_package(ModelPackageName=name)
        except ClientError as error:
            details = error.response["Error"]
            raise AwsError(details["Code"], details["Message"]) from error
        status = package.get("ModelApprovalStatus")
        if "ModelPackageVersion" in package and status != "Approved":
            raise invalid(f'Cannot create a model from model package "{name}": its approval status is {status}.')
        # A package that is not Completed has no usable inference specification yet; the text is ours.
        if (made := package.get("ModelPackageStatus")) != "Completed":
            raise invalid(f'Cannot create a model from model package "{name}": its status is {made}.')
        containers: list[Mapping[str, Any]] = package.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1:
            raise AwsError(
                "NotImplemented", "only packages with exactly one container are supported by the local AWS", 501
            )
        return containers[0]


def _only_container(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The container of a model, which may come alone in the list of an inference pipeline.

    Version 2 of the SageMaker SDK sends every model package so (ModelPackage.deploy).
    """
    primary, listed = params.get("PrimaryContainer"), params.get("Containers") or []
    if bool(primary) == bool(listed):
        raise invalid("Exactly one of PrimaryContainer or Containers must be provided.")
    if len(listed) > 1 or params.get("InferenceExecutionConfig"):
        raise AwsError(
            "NotImplemented", "inference pipelines (several Containers) are not supported by the local AWS", 501
        )
    definition: Mapping[str, Any] = primary or listed[0]
    return definition


def container_spec(source: Mapping[str, Any], overrides: Mapping[str, str], role_arn: str) -> ContainerSpec:
    """A container definition as a spec; ``overrides`` win over the environment of the package."""
    s3 = (source.get("ModelDataSource") or {}).get("S3DataSource", {})
    url = source.get("ModelDataUrl") or s3.get("S3Uri")
    if not source.get("Image"):
        raise invalid("Image or ModelPackageName is required in a container definition.")
    if not url or not url.endswith(".tar.gz"):
        raise AwsError("NotImplemented", "only models in one model.tar.gz are supported by the local AWS", 501)
    environment = {**(source.get("Environment") or {}), **overrides}
    return ContainerSpec(image=source["Image"], model_data_url=url, environment=environment, role_arn=role_arn)
