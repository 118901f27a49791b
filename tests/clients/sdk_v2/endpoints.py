"""Labs 1 to 3 with version 2 of the SageMaker SDK, which waits for endpoints as it always does.

The four endpoint types are deployed side by side; then two variants share traffic and a third endpoint scales. What
the clients saw is one JSON object.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from sagemaker import image_uris
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.session import Session

ROW = "25,50000,680,12,0.7,0.3,0.1"


def trained(options: argparse.Namespace, session: Session, logs: str) -> Estimator:
    """The estimator that the labs begin with: the built-in algorithm on CSV, label first.

    Without logs the SDK looks every 5 seconds whether the job has ended, with logs every 30.
    """
    xgb = Estimator(
        image_uri=image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
        role=options.role,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{options.bucket}/v2/models",
        sagemaker_session=session,
    )
    xgb.set_hyperparameters(objective="binary:logistic", num_round=5, max_depth=3)
    xgb.fit({"train": TrainingInput(f"s3://{options.bucket}/train/", content_type="text/csv")}, logs=logs)
    return xgb


def real_time(xgb: Estimator) -> Any:
    """Lab 1, deploy 1."""
    predictor = xgb.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name="v2-fraud-realtime",
        serializer=CSVSerializer(),
        deserializer=JSONDeserializer(),
    )
    return predictor.predict(ROW)


def serverless(xgb: Estimator) -> Any:
    """Lab 1, deploy 2."""
    predictor = xgb.deploy(
        serverless_inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=10),
        endpoint_name="v2-fraud-serverless",
        serializer=CSVSerializer(),
    )
    answer = predictor.predict(ROW).decode()
    predictor.delete_endpoint()
    return answer


def asynchronous(xgb: Estimator, options: argparse.Namespace) -> dict[str, str]:
    """Lab 1, deploy 3: answers at once where the result will be; a topic says when."""
    xgb.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.xlarge",
        async_inference_config=AsyncInferenceConfig(
            output_path=f"s3://{options.bucket}/v2/async-results/",
            max_concurrent_invocations_per_instance=4,
            notification_config={"SuccessTopic": options.success_topic, "ErrorTopic": options.error_topic},
        ),
        endpoint_name="v2-scan-async",
    )
    runtime = xgb.sagemaker_session.sagemaker_runtime_client
    locations = {}
    # The scan is sent as the lab writes it. XGBoost's container takes no application/octet-stream: it fails.
    for name, content_type in (("rows.csv", "text/csv"), ("patient_001.dcm", "application/octet-stream")):
        response = runtime.invoke_endpoint_async(
            EndpointName="v2-scan-async",
            InputLocation=f"s3://{options.bucket}/scans/{name}",
            ContentType=content_type,
        )
        locations[name] = response["OutputLocation"]
    return locations


def batch(xgb: Estimator, options: argparse.Namespace) -> str:
    """Lab 1, deploy 4."""
    transformer = xgb.transformer(
        instance_count=2,
        instance_type="ml.m5.xlarge",
        output_path=f"s3://{options.bucket}/v2/batch-results/",
        strategy="MultiRecord",
        max_concurrent_transforms=4,
        max_payload=6,
        assemble_with="Line",
    )
    transformer.transform(
        data=f"s3://{options.bucket}/scoring-data/",
        content_type="text/csv",
        split_type="Line",
        join_source="Input",
        wait=True,
        logs=True,
    )
    return str(transformer.output_path)


def packaged(xgb: Estimator) -> str:
    """Estimator.register, approval, ModelPackage.deploy: which sends its package in a list of containers."""
    package = xgb.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name="v2-fraud-packages",
        approval_status="Approved",
    )
    package.deploy(initial_instance_count=1, instance_type="ml.m5.large", endpoint_name="v2-from-package")
    return str(package.model_package_arn)


def shared_by_two(xgb: Estimator) -> dict[str, dict[str, float]]:
    """Lab 2: 90/10, then 50/50, back to 100/0, then 0/100; the weights that the endpoint shows after each.

    ``measured``: how many of many requests each variant answered at 50/50.
    """
    sm = boto3.client("sagemaker")
    for name in ("v2-fraud-model-v1", "v2-fraud-model-v2"):
        xgb.create_model(name=name).create(instance_type="ml.m5.large")
    sm.create_endpoint_config(
        EndpointConfigName="v2-ab-test-config",
        ProductionVariants=[
            {
                "VariantName": variant,
                "ModelName": f"v2-fraud-{variant}",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": weight,
            }
            for variant, weight in (("model-v1", 0.9), ("model-v2", 0.1))
        ],
    )
    sm.create_endpoint(EndpointName="v2-fraud-ab-test", EndpointConfigName="v2-ab-test-config")
    shown = {"90/10": weights_once_in_service(sm)}
    for step, one, two in (("50/50", 0.5, 0.5), ("100/0", 1.0, 0.0), ("0/100", 0.0, 1.0)):
        sm.update_endpoint_weights_and_capacities(
            EndpointName="v2-fraud-ab-test",
            DesiredWeightsAndCapacities=[
                {"VariantName": "model-v1", "DesiredWeight": one},
                {"VariantName": "model-v2", "DesiredWeight": two},
            ],
        )
        shown[step] = weights_once_in_service(sm)
        if step == "50/50":
            shown["measured"] = answered_by("v2-fraud-ab-test")
    return shown


def answered_by(endpoint: str) -> dict[str, float]:
    """Variant -> how many of 400 requests it answered."""
    runtime = boto3.client("sagemaker-runtime")
    answers = (runtime.invoke_endpoint(EndpointName=endpoint, Body=ROW, ContentType="text/csv") for _ in range(400))
    return Counter(answer["InvokedProductionVariant"] for answer in answers)


def weights_once_in_service(sm: Any) -> dict[str, float]:
    """Ask every half second."""
    while (shown := sm.describe_endpoint(EndpointName="v2-fraud-ab-test"))["EndpointStatus"] != "InService":
        assert shown["EndpointStatus"] in ("Creating", "Updating"), shown
        time.sleep(0.5)
    return {variant["VariantName"]: variant["CurrentWeight"] for variant in shown["ProductionVariants"]}


def scaled() -> dict[str, Any]:
    """Lab 3: target tracking at 70 invocations per instance, cooldowns of 300 and 60 seconds."""
    autoscaling = boto3.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/v2-fraud-realtime/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    autoscaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=20)
    autoscaling.put_scaling_policy(
        **target,
        PolicyName="target-tracking-invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "CustomizedMetricSpecification": {
                "MetricName": "InvocationsPerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [
                    {"Name": "EndpointName", "Value": "v2-fraud-realtime"},
                    {"Name": "VariantName", "Value": "AllTraffic"},
                ],
                "Statistic": "Sum",
            },
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        },
    )
    (policy,) = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
        "ScalingPolicies"
    ]
    return {
        "configuration": policy["TargetTrackingScalingPolicyConfiguration"],
        "alarms": [alarm["AlarmName"] for alarm in policy["Alarms"]],
    }


def played(options: argparse.Namespace) -> dict[str, Any]:
    """Train once, then do everything at the same time: each deploy waits half a minute, as the SDK polls."""
    session = Session(default_bucket=options.bucket)
    xgb = trained(options, session, logs="None")
    with ThreadPoolExecutor(8) as pool:
        tasks = {
            "real_time": pool.submit(real_time, xgb),
            "serverless": pool.submit(serverless, xgb),
            "asynchronous": pool.submit(asynchronous, xgb, options),
            "batch": pool.submit(batch, xgb, options),
            "package": pool.submit(packaged, xgb),
            "training_with_logs": pool.submit(lambda: trained(options, session, logs="All").latest_training_job.name),
            "variants": pool.submit(shared_by_two, xgb),
        }
        seen = {name: task.result() for name, task in tasks.items()}
    return {**seen, "scaling": scaled()}
