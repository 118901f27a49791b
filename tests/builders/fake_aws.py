"""The little of AWS that the ``sluice`` command uses, kept in memory. It fails with botocore's own errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sluice.aws.clients import lazy_clients
from sluice.names import Names

from cli.output import JsonOutput, PlainOutput
from cli.session import CliSession
from tests.builders.aws_clients import client_error

BUCKET = "the-bucket"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeSsm:
    def __init__(self, region: str) -> None:
        self.meta = SimpleNamespace(region_name=region)
        self.parameters: dict[str, str] = {}

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # botocore's spelling
        if Name not in self.parameters:
            raise client_error("GetParameter", "ParameterNotFound")
        return {"Parameter": {"Name": Name, "Value": self.parameters[Name]}}

    def put_parameter(self, *, Name: str, Value: str, **_options: Any) -> None:
        self.parameters[Name] = Value

    def get_parameters_by_path(self, *, Path: str) -> dict[str, Any]:
        found = [name for name in self.parameters if name.startswith(Path)]
        return {"Parameters": [{"Name": name, "Value": self.parameters[name]} for name in found]}


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.on_put: Callable[[str], None] = lambda _key: None

    def put_object(self, *, Bucket: str, Key: str, Body: Any) -> None:
        assert Bucket == BUCKET
        self.on_put(Key)
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise client_error("GetObject", "NoSuchKey")
        return {"Body": io.BytesIO(self.objects[Key])}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        """Two a page, so that nobody forgets the second page. The longer a key was there, the older it is."""
        entries = [
            {"Key": key, "Size": len(self.objects[key]), "LastModified": START + timedelta(minutes=age)}
            for age, key in enumerate(self.objects)
            if key.startswith(Prefix) and key > ContinuationToken
        ]
        page = sorted(entries, key=lambda entry: str(entry["Key"]))[:2]
        if len(entries) <= 2:
            return {"Contents": page, "IsTruncated": False}
        return {"Contents": page, "IsTruncated": True, "NextContinuationToken": page[-1]["Key"]}


class FakeSageMaker:
    def __init__(self, region: str) -> None:
        self.meta = SimpleNamespace(region_name=region)
        self.groups: set[str] = set()
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, dict[str, Any]] = {}
        self.executions: list[dict[str, Any]] = []
        self.tokens: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, list[dict[str, Any]]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.model_roles: dict[str, str] = {}

    def describe_model_package_group(self, *, ModelPackageGroupName: str) -> dict[str, Any]:
        if ModelPackageGroupName not in self.groups:
            raise client_error("DescribeModelPackageGroup", "ValidationException", "does not exist")
        return {"ModelPackageGroupName": ModelPackageGroupName}

    def create_model_package_group(self, *, ModelPackageGroupName: str, **_options: Any) -> None:
        self.groups.add(ModelPackageGroupName)

    def describe_pipeline(self, *, PipelineName: str) -> dict[str, Any]:
        if PipelineName not in self.pipelines:
            raise client_error("DescribePipeline", "ResourceNotFound")
        return self.pipelines[PipelineName]

    def create_pipeline(self, *, PipelineName: str, **pipeline: Any) -> None:
        assert PipelineName not in self.pipelines
        self.pipelines[PipelineName] = pipeline

    def update_pipeline(self, *, PipelineName: str, **pipeline: Any) -> None:
        self.pipelines[PipelineName] |= pipeline

    def start_pipeline_execution(
        self,
        *,
        PipelineName: str,
        PipelineParameters: list[dict[str, str]],
        ClientRequestToken: str,
    ) -> dict[str, Any]:
        arn = f"arn:aws:sagemaker:us-east-1:1:pipeline/{PipelineName}/execution/{len(self.executions)}"
        arn = self.tokens.setdefault(ClientRequestToken, arn)
        if all(one["PipelineExecutionArn"] != arn for one in self.executions):
            self.run(arn, {one["Name"]: one["Value"] for one in PipelineParameters})
        return {"PipelineExecutionArn": arn}

    def run(self, arn: str, parameters: dict[str, str], steps: tuple[tuple[str, str], ...] = ()) -> None:
        """A run that is over at once; it failed if one of its steps did."""
        failed = any(status == "Failed" for _, status in steps)
        self.executions.insert(
            0,
            {
                "PipelineExecutionArn": arn,
                "PipelineExecutionStatus": "Failed" if failed else "Succeeded",
                "StartTime": START,
                "CreationTime": START,
                "parameters": parameters,
                "steps": [{"StepName": name, "StepStatus": status, "StartTime": START} for name, status in steps],
            },
        )

    def list_pipeline_executions(self, **_request: Any) -> dict[str, Any]:
        return {"PipelineExecutionSummaries": self.executions}

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> dict[str, Any]:
        for one in self.executions:
            if one["PipelineExecutionArn"] == PipelineExecutionArn:
                return one
        raise client_error("DescribePipelineExecution", "ResourceNotFound")

    def describe_pipeline_definition_for_execution(self, *, PipelineExecutionArn: str) -> dict[str, Any]:
        return {"PipelineDefinition": '{"Parameters": [], "Steps": []}'}

    def list_pipeline_parameters_for_execution(self, *, PipelineExecutionArn: str) -> dict[str, Any]:
        given = self.describe_pipeline_execution(PipelineExecutionArn=PipelineExecutionArn)["parameters"]
        return {"PipelineParameters": [{"Name": name, "Value": value} for name, value in given.items()]}

    def list_pipeline_execution_steps(self, *, PipelineExecutionArn: str, **_request: Any) -> dict[str, Any]:
        execution = self.describe_pipeline_execution(PipelineExecutionArn=PipelineExecutionArn)
        return {"PipelineExecutionSteps": execution["steps"]}

    def describe_processing_job(self, *, ProcessingJobName: str) -> dict[str, Any]:
        return self.jobs[ProcessingJobName]

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        return self.jobs[TrainingJobName]

    def register(self, group: str, version: int, approval: str = "PendingManualApproval", **more: Any) -> None:
        arn = f"arn:aws:sagemaker:us-east-1:1:model-package/{group}/{version}"
        self.packages[arn] = {
            "ModelPackageArn": arn,
            "ModelPackageGroupName": group,
            "ModelPackageVersion": version,
            "ModelApprovalStatus": approval,
            "CreationTime": START + timedelta(hours=version),
            **more,
        }

    def list_model_packages(self, *, ModelPackageGroupName: str, **_request: Any) -> dict[str, Any]:
        found = [one for one in self.packages.values() if one["ModelPackageGroupName"] == ModelPackageGroupName]
        return {"ModelPackageSummaryList": sorted(found, key=lambda one: -one["ModelPackageVersion"])}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        if ModelPackageName not in self.packages:
            raise client_error("DescribeModelPackage", "ValidationException", f"{ModelPackageName} does not exist")
        return self.packages[ModelPackageName]

    def update_model_package(self, *, ModelPackageArn: str, **changes: Any) -> None:
        self.packages[ModelPackageArn] |= changes

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:
        if EndpointName not in self.endpoints:
            raise client_error("DescribeEndpoint", "ValidationException", f'Could not find endpoint "{EndpointName}"')
        return self.endpoints[EndpointName]

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:
        if ModelName not in self.model_roles:
            raise client_error("DescribeModel", "ValidationException", f'Could not find model "{ModelName}".')
        return {"ModelName": ModelName, "ExecutionRoleArn": self.model_roles[ModelName]}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:
        return {"ProductionVariants": self.configs.get(EndpointConfigName, [])}


class FakeDynamoDb:
    """Only what was put there, by partition key."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def query(
        self,
        *,
        ExpressionAttributeValues: dict[str, Any],
        ScanIndexForward: bool,
        **_request: Any,
    ) -> dict[str, Any]:
        pk, prefix = (ExpressionAttributeValues[name]["S"] for name in (":pk", ":prefix"))
        found = [one for one in self.items if one["pk"]["S"] == pk and one["sk"]["S"].startswith(prefix)]
        return {"Items": sorted(found, key=lambda one: str(one["sk"]["S"]), reverse=not ScanIndexForward)}


class FakeScalableTargets:
    """What is registered, as Application Auto Scaling tells it; a policy by name for each resource."""

    def __init__(self) -> None:
        self.targets: list[dict[str, Any]] = []
        self.policies: dict[str, str] = {}
        self.is_denied = False

    def describe_scalable_targets(self, *, ServiceNamespace: str, ResourceIds: list[str]) -> dict[str, Any]:
        if self.is_denied:
            raise client_error("DescribeScalableTargets", "AccessDeniedException")
        return {"ScalableTargets": [one for one in self.targets if one["ResourceId"] in ResourceIds]}

    def describe_scaling_policies(self, *, ResourceId: str, **_place: str) -> dict[str, Any]:
        return {"ScalingPolicies": [{"PolicyName": self.policies[ResourceId]}] if ResourceId in self.policies else []}


@dataclass
class FakeAws:
    """A stage ``dev`` in which nothing but the stack is deployed."""

    region: str = "us-east-1"
    clock: datetime = START
    screen: io.StringIO = field(default_factory=io.StringIO)
    on_sleep: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.ssm = FakeSsm(self.region)
        self.s3 = FakeS3()
        self.sagemaker = FakeSageMaker(self.region)
        self.dynamodb = FakeDynamoDb()
        self.scaling = FakeScalableTargets()
        self.cloudwatch: Any = None
        stack = {"bucket": BUCKET, "table": "the-table", "pipeline_role_arn": "arn:aws:iam::1:role/pipeline"}
        stack["model_role_arn"] = "arn:aws:iam::1:role/model"
        self.ssm.parameters["/sluice/dev/stack"] = json.dumps(stack)

    def client(self, service: str) -> Any:
        return {
            "ssm": self.ssm,
            "s3": self.s3,
            "sagemaker": self.sagemaker,
            "dynamodb": self.dynamodb,
            "application-autoscaling": self.scaling,
            "cloudwatch": self.cloudwatch,
        }[service]

    def session(self, output: str = "text") -> CliSession:
        out = JsonOutput(self.screen) if output == "json" else PlainOutput(self.screen)
        return CliSession(
            names=Names("dev"), clients=lazy_clients(self.client), out=out, now=lambda: self.clock, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)
        self.on_sleep()

    @property
    def shown(self) -> str:
        return self.screen.getvalue()
