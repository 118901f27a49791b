"""Labs 1 to 3 with version 3 of the SageMaker SDK: ModelTrainer, ModelBuilder, Endpoint, Transformer.

The four endpoint types are deployed side by side; two variants share traffic, and an endpoint is told to scale. What
the clients saw is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.inference_config import AsyncInferenceConfig, ServerlessInferenceConfig
from sagemaker.core.resources import Endpoint, EndpointConfig
from sagemaker.core.shapes import ProductionVariant
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode
from sagemaker.core.transformer import Transformer
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer

CODE = Path(__file__).parents[1] / "code"
ROW = "25,50000,680,12,0.7,0.3,0.1"


class Lab:
    """What all tasks have in common."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.session = Session(default_bucket=options.bucket)
        self.image = image_uris.retrieve("xgboost", self.session.boto_region_name, version="3.0-5")
        self.data = InputData(
            channel_name="train", data_source=f"s3://{options.bucket}/train/", content_type="text/csv"
        )
        self.artifact = ""

    def train(self) -> dict[str, Any]:
        """ModelTrainer, which asks IAM first whether the role may write to the bucket."""
        trainer = ModelTrainer(
            sagemaker_session=self.session,
            role=self.options.role,
            training_image=self.image,
            base_job_name="v3-fraud",
            compute=Compute(instance_type="ml.m5.large", instance_count=1),
            output_data_config=OutputDataConfig(s3_output_path=f"s3://{self.options.bucket}/v3/models"),
            hyperparameters={"objective": "binary:logistic", "num_round": 5, "max_depth": 3},
        )
        trainer.train(input_data_config=[self.data], wait=True, logs=True)
        job = trainer._latest_training_job
        self.artifact = job.model_artifacts.s3_model_artifacts
        return {
            "job": job.training_job_name,
            "billable_seconds": job.billable_time_in_seconds,
            "metrics": [metric.metric_name for metric in job.final_metric_data_list],
        }

    def script(self) -> str:
        """A script of one's own: ModelTrainer sends it as a channel and starts it by an entrypoint of the job."""
        trainer = ModelTrainer(
            sagemaker_session=self.session,
            role=self.options.role,
            training_image=self.image,
            base_job_name="v3-script",
            source_code=SourceCode(source_dir=str(CODE), entry_script="training.py"),
            compute=Compute(instance_type="ml.m5.large", instance_count=1),
            output_data_config=OutputDataConfig(s3_output_path=f"s3://{self.options.bucket}/v3/models"),
            hyperparameters={"rounds": 3},
        )
        trainer.train(input_data_config=[self.data], wait=True, logs=False)
        return str(trainer._latest_training_job.model_artifacts.s3_model_artifacts)

    def builder(self, model_name: str) -> Any:
        """A builder whose model exists."""
        builder = ModelBuilder(
            sagemaker_session=self.session,
            role_arn=self.options.role,
            image_uri=self.image,
            s3_model_data_url=self.artifact,
            dependencies=None,  # the default adds SAGEMAKER_PROGRAM="", with which the container's /ping fails
        )
        builder.build(model_name=model_name)
        return builder

    def real_time(self) -> Any:
        """Lab 1, deploy 1."""
        endpoint = self.builder("v3-fraud-realtime").deploy(
            endpoint_name="v3-fraud-realtime", initial_instance_count=1, instance_type="ml.m5.large"
        )
        return json.loads(endpoint.invoke(body=ROW, content_type="text/csv", accept="application/json").body.read())

    def serverless(self) -> Any:
        """Lab 1, deploy 2."""
        endpoint = self.builder("v3-fraud-serverless").deploy(
            endpoint_name="v3-fraud-serverless",
            inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=10),
        )
        answer = endpoint.invoke(body=ROW, content_type="text/csv").body.read().decode()
        endpoint.delete()
        return answer

    def asynchronous(self) -> dict[str, str]:
        """Lab 1, deploy 3: answers at once where the result will be; a topic says when."""
        endpoint = self.builder("v3-scan-async").deploy(
            endpoint_name="v3-scan-async",
            initial_instance_count=1,
            instance_type="ml.m5.xlarge",
            inference_config=AsyncInferenceConfig(
                output_path=f"s3://{self.options.bucket}/v3/async-results/",
                max_concurrent_invocations_per_instance=4,
                notification_config={
                    "SuccessTopic": self.options.success_topic,
                    "ErrorTopic": self.options.error_topic,
                },
            ),
        )
        # The scan is sent as the lab writes it. XGBoost's container takes no application/octet-stream: it fails.
        return {
            name: endpoint.invoke_async(
                input_location=f"s3://{self.options.bucket}/scans/{name}", content_type=content_type
            ).output_location
            for name, content_type in (("rows.csv", "text/csv"), ("patient_001.dcm", "application/octet-stream"))
        }

    def batch(self) -> str:
        """Lab 1, deploy 4."""
        self.builder("v3-batch")
        transformer = Transformer(
            model_name="v3-batch",
            instance_count=2,
            instance_type="ml.m5.xlarge",
            output_path=f"s3://{self.options.bucket}/v3/batch-results/",
            strategy="MultiRecord",
            max_concurrent_transforms=4,
            max_payload=6,
            assemble_with="Line",
            sagemaker_session=self.session,
        )
        transformer.transform(
            data=f"s3://{self.options.bucket}/scoring-data/",
            content_type="text/csv",
            split_type="Line",
            join_source="Input",
            wait=True,
        )
        return str(transformer.output_path)

    def variants(self) -> dict[str, dict[str, float]]:
        """Lab 2: 90/10, then 50/50, back to 100/0, then 0/100; the weights that the endpoint shows after each.

        ``measured``: how many of many requests each variant answered at 50/50.
        """
        for version in ("v1", "v2"):
            self.builder(f"v3-fraud-model-{version}")
        EndpointConfig.create(
            endpoint_config_name="v3-ab-test-config",
            production_variants=[
                ProductionVariant(
                    variant_name=f"model-{version}",
                    model_name=f"v3-fraud-model-{version}",
                    instance_type="ml.m5.large",
                    initial_instance_count=1,
                    initial_variant_weight=weight,
                )
                for version, weight in (("v1", 0.9), ("v2", 0.1))
            ],
        )
        endpoint = Endpoint.create(endpoint_name="v3-fraud-ab-test", endpoint_config_name="v3-ab-test-config")
        endpoint.wait_for_status("InService", poll=1)
        shown = {"90/10": weights()}
        for step, one, two in (("50/50", 0.5, 0.5), ("100/0", 1.0, 0.0), ("0/100", 0.0, 1.0)):
            # By boto3, as the lab is written: the SDK's shapes leave a weight of 0 out of the request.
            boto3.client("sagemaker").update_endpoint_weights_and_capacities(
                EndpointName="v3-fraud-ab-test",
                DesiredWeightsAndCapacities=[
                    {"VariantName": "model-v1", "DesiredWeight": one},
                    {"VariantName": "model-v2", "DesiredWeight": two},
                ],
            )
            endpoint.wait_for_status("InService", poll=1)
            shown[step] = weights()
            if step == "50/50":
                shown["measured"] = answered_by(endpoint)
        return shown


def answered_by(endpoint: Endpoint) -> dict[str, float]:
    """Variant -> how many of 400 requests it answered."""
    answers = (endpoint.invoke(body=ROW, content_type="text/csv") for _ in range(400))
    return Counter(answer.invoked_production_variant for answer in answers)


def weights() -> dict[str, float]:
    """Variant -> its weight now."""
    variants = Endpoint.get(endpoint_name="v3-fraud-ab-test").production_variants
    return {variant.variant_name: variant.current_weight for variant in variants}


def scaled() -> dict[str, Any]:
    """Lab 3: target tracking at 70 invocations per instance, cooldowns of 300 and 60 seconds; by boto3, as before."""
    autoscaling = boto3.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/v3-fraud-realtime/variant/AllTraffic",
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
                    {"Name": "EndpointName", "Value": "v3-fraud-realtime"},
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
    """Train, then do everything at the same time."""
    lab = Lab(options)
    training = lab.train()
    with ThreadPoolExecutor(8) as pool:
        tasks = {
            name: pool.submit(getattr(lab, name))
            for name in ("real_time", "serverless", "asynchronous", "batch", "variants", "script")
        }
        seen = {name: task.result() for name, task in tasks.items()}
    return {"training": training, **seen, "scaling": scaled()}
