"""Models and endpoint configs: what is kept, what is refused, in which words."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE, packed
from localaws.tests.contract.services.sagemaker.endpoints.stage import BUCKET, ROLE, Stage, refusal

ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
VARIANT = {"VariantName": "v1", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def test_names_that_are_taken(stage: Stage) -> None:
    stage.config("Taken", {"v1": (stage.model("Taken", "low"), 1.0)})
    container = {"Image": "i", "ModelDataUrl": f"s3://{BUCKET}/low.tar.gz"}
    assert refusal(
        stage.sagemaker.create_model,
        ModelName="Taken",
        PrimaryContainer=container,
        ExecutionRoleArn=ROLE,
    ) == (f'Cannot create already existing model "{ARN}model/taken".')
    assert refusal(
        stage.sagemaker.create_endpoint_config,
        EndpointConfigName="Taken",
        ProductionVariants=[VARIANT | {"ModelName": "Taken"}],
    ) == (f'Cannot create already existing endpoint configuration "{ARN}endpoint-config/taken".')


def test_names_that_are_unknown(stage: Stage) -> None:
    sagemaker = stage.sagemaker
    assert refusal(sagemaker.describe_model, ModelName="nope") == f'Could not find model "{ARN}model/nope".'
    no_config = f'Could not find endpoint configuration "{ARN}endpoint-config/nope".'
    assert refusal(sagemaker.describe_endpoint_config, EndpointConfigName="nope") == no_config
    assert refusal(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="nope") == no_config
    no_endpoint = f'Could not find endpoint "{ARN}endpoint/nope".'
    assert refusal(sagemaker.update_endpoint, EndpointName="nope", EndpointConfigName="nope") == no_endpoint
    assert refusal(sagemaker.delete_endpoint, EndpointName="nope") == no_endpoint
    assert (
        refusal(
            sagemaker.create_endpoint_config,
            EndpointConfigName="dangling",
            ProductionVariants=[VARIANT | {"ModelName": "nope"}],
        )
        == f'Could not find model "{ARN}model/nope".'
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param({"VariantName": "under_score"}, "regular expression pattern", id="name"),
        pytest.param({"InstanceType": "ml.huge"}, "enum value set", id="instance type"),
        pytest.param({"VolumeSizeInGB": 513}, "less than or equal to 512", id="volume"),
    ],
)
def test_limits_of_single_fields(stage: Stage, change: dict[str, Any], text: str) -> None:
    message = refusal(
        stage.sagemaker.create_endpoint_config,
        EndpointConfigName="limits",
        ProductionVariants=[VARIANT | {"ModelName": "m"} | change],
    )
    assert message.startswith("1 validation error detected: Value ")
    assert text in message


def test_a_config_is_described_as_it_was_given(stage: Stage) -> None:
    metrics = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://bucket/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    stage.sagemaker.create_endpoint_config(
        EndpointConfigName="described",
        ProductionVariants=[VARIANT | {"ModelName": stage.model("described", "low")}],
        MetricsConfig=metrics,
        DataCaptureConfig=capture,
        Tags=[{"Key": "team", "Value": "risk"}],
    )
    shown = stage.sagemaker.describe_endpoint_config(EndpointConfigName="described")
    assert shown["ProductionVariants"] == [
        VARIANT | {"ModelName": "described", "InitialVariantWeight": 1.0}  # the default
    ]
    observed = {"EnableDetailedObservability": True}  # the default of new configs
    assert (shown["MetricsConfig"], shown["DataCaptureConfig"]) == (metrics | observed, capture)
    tags = stage.sagemaker.list_tags(ResourceArn=shown["EndpointConfigArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "risk"}]
    listed = stage.sagemaker.list_endpoint_configs(NameContains="DESCR")["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == ["described"]


def test_deleted_models_and_configs_are_gone(stage: Stage) -> None:
    stage.config("gone", {"v1": (stage.model("gone", "low"), 1.0)})
    stage.sagemaker.delete_model(ModelName="gone")
    stage.sagemaker.delete_endpoint_config(EndpointConfigName="gone")
    assert "Could not find model" in refusal(stage.sagemaker.describe_model, ModelName="gone")
    assert stage.sagemaker.list_models(NameContains="gone")["Models"] == []
    assert stage.sagemaker.list_endpoint_configs(NameContains="gone")["EndpointConfigs"] == []


def test_only_an_approved_package_becomes_a_model(stage: Stage) -> None:
    sagemaker = stage.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="spend")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="spend",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://{BUCKET}/script-low.tar.gz",
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    },
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    create = {
        "ModelName": "from-package",
        "PrimaryContainer": {"ModelPackageName": package},
        "ExecutionRoleArn": ROLE,
    }
    assert "its approval status is PendingManualApproval" in refusal(sagemaker.create_model, **create)
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    sagemaker.create_model(**create)
    assert sagemaker.describe_model(ModelName="from-package")["PrimaryContainer"] == {"ModelPackageName": package}
    stage.create("from-package", stage.config("from-package", {"v1": ("from-package", 1.0)}))
    assert stage.invoke("from-package")[1] == "v1"


def test_what_is_unsupported_says_so(stage: Stage) -> None:
    stage.sagemaker.create_endpoint_config(
        EndpointConfigName="pooled",
        ProductionVariants=[
            {
                "VariantName": "v1",
                "ModelName": stage.model("pooled", "low"),
                "InstancePools": [{"InstanceType": "ml.m5.large", "Priority": 1}],
                "InitialInstanceCount": 1,
            }
        ],
    )
    with pytest.raises(ClientError, match="instance pools are not supported by the local AWS"):
        stage.sagemaker.create_endpoint(EndpointName="pooled", EndpointConfigName="pooled")


def test_a_container_may_come_alone_in_a_list(stage: Stage) -> None:
    """So version 2 of the SageMaker SDK sends every package (ModelPackage.deploy)."""
    sagemaker = stage.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="listed")
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/low.tar.gz"}
    formats = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="listed",
        InferenceSpecification={"Containers": [container], **formats},
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    listed = [{"ModelPackageName": package, "Environment": {"STAGE": "dev"}}]
    sagemaker.create_model(ModelName="listed", Containers=listed, ExecutionRoleArn=ROLE)
    assert sagemaker.describe_model(ModelName="listed")["Containers"] == listed
    stage.create("listed", stage.config("listed", {"v1": ("listed", 1.0)}))
    assert stage.invoke("listed")[1] == "v1"


def test_a_model_of_several_containers_is_refused_by_name(stage: Stage) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/low.tar.gz"}
    with pytest.raises(ClientError, match=r"inference pipelines \(several Containers\) are not supported"):
        stage.sagemaker.create_model(ModelName="two", Containers=[container, container], ExecutionRoleArn=ROLE)
    either = refusal(stage.sagemaker.create_model, ModelName="none", ExecutionRoleArn=ROLE)
    assert either == "Exactly one of PrimaryContainer or Containers must be provided."


def test_code_in_an_archive_in_s3_serves_the_model(stage: Stage) -> None:
    """SDK v2 leaves the code beside the model and names its archive (XGBoostModel with an entry point)."""
    archive = packed({"inference.py": b"def model_fn(path): return 1\ndef transform_fn(*given): return str(given[1])"})
    stage.aws.client("s3").put_object(Bucket=BUCKET, Key="code/sourcedir.tar.gz", Body=archive)
    code = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/code/sourcedir.tar.gz",
    }
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/low.tar.gz", "Environment": code}
    stage.sagemaker.create_model(ModelName="archive", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    shown = stage.create("archive", stage.config("archive", {"v1": ("archive", 1.0)}))
    assert shown["EndpointStatus"] == "InService", shown
    assert stage.invoke("archive", "1,2,3")[0] == "1,2,3"
