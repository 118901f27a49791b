"""Lab 4 with version 3 of the SageMaker SDK: five parameters, caching, gate, registration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError
from sagemaker.core import image_uris
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer

CODE = Path(__file__).parents[1] / "code"
BASE = "/opt/ml/processing"


def given(name: str, uri: Any) -> ProcessingInput:
    """An input of a processing job."""
    source = ProcessingS3Input(s3_uri=uri, local_path=f"{BASE}/{name}", s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)


def made(name: str, uri: str) -> ProcessingOutput:
    """An output of a processing job."""
    target = ProcessingS3Output(s3_uri=f"{uri}/{name}", local_path=f"{BASE}/{name}", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)


def built(bucket: str, role: str) -> Pipeline:
    """The pipeline of the lab, step by step."""
    session = PipelineSession(default_bucket=bucket)
    region = session.boto_region_name
    image_uri = image_uris.retrieve("xgboost", region, version="3.0-5")
    processing_instance_count = ParameterInteger(name="ProcessingInstanceCount", default_value=1)
    training_instance_type = ParameterString(name="TrainingInstanceType", default_value="ml.m5.xlarge")
    model_approval_status = ParameterString(name="ModelApprovalStatus", default_value="PendingManualApproval")
    mse_threshold = ParameterFloat(name="MseThreshold", default_value=6.0)
    input_data = ParameterString(name="InputData", default_value=f"s3://{bucket}/data/input.csv")
    cache = CacheConfig(enable_caching=True, expire_after="P1D")
    work = f"s3://{bucket}/v3/pipeline"

    processor = ScriptProcessor(
        image_uri=image_uris.retrieve(
            "sklearn", region, version="1.2-1", py_version="py3", instance_type="ml.m5.xlarge"
        ),
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=processing_instance_count,
        role=role,
        sagemaker_session=session,
    )
    processor_args = processor.run(
        code=str(CODE / "preprocessing.py"),
        inputs=[given("input", input_data)],
        outputs=[made(part, work) for part in ("train", "validation", "test")],
    )
    step_process = ProcessingStep(name="PreprocessData", step_args=processor_args, cache_config=cache)
    prepared = step_process.properties.ProcessingOutputConfig.Outputs

    trainer = ModelTrainer(
        sagemaker_session=session,
        role=role,
        training_image=image_uri,
        compute=Compute(instance_type=training_instance_type, instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path=f"{work}/output"),
        hyperparameters={"objective": "reg:linear", "num_round": 50, "max_depth": 5, "eta": 0.2},
    )
    train_args = trainer.train(
        input_data_config=[
            InputData(channel_name=part, data_source=prepared[part].S3Output.S3Uri, content_type="text/csv")
            for part in ("train", "validation")
        ]
    )
    step_train = TrainingStep(name="TrainModel", step_args=train_args, cache_config=cache)
    artifact = step_train.properties.ModelArtifacts.S3ModelArtifacts

    eval_processor = ScriptProcessor(
        image_uri=image_uri,
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=1,
        role=role,
        sagemaker_session=session,
    )
    eval_args = eval_processor.run(
        code=str(CODE / "evaluation.py"),
        inputs=[given("model", artifact), given("test", prepared["test"].S3Output.S3Uri)],
        outputs=[made("evaluation", work)],
    )
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    step_eval = ProcessingStep(name="EvaluateModel", step_args=eval_args, property_files=[report], cache_config=cache)

    builder = ModelBuilder(
        sagemaker_session=session,
        role_arn=role,
        image_uri=image_uri,
        s3_model_data_url=artifact,
        dependencies=None,
    )
    register_args = builder.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name="V3FraudModelGroup",
        approval_status=model_approval_status,
    )
    step_register = ModelStep(name="RegisterModel", step_args=register_args)
    step_fail = FailStep(
        name="FailPipeline", error_message=Join(on=" ", values=["MSE", "exceeded threshold:", mse_threshold])
    )
    mse = JsonGet(step_name=step_eval.name, property_file=report, json_path="regression_metrics.mse.value")
    step_cond = ConditionStep(
        name="CheckModelQuality",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=mse_threshold)],
        if_steps=[step_register],
        else_steps=[step_fail],
    )
    return Pipeline(
        name="V3MLOpsPipeline",
        parameters=[
            processing_instance_count,
            training_instance_type,
            model_approval_status,
            input_data,
            mse_threshold,
        ],
        steps=[step_process, step_train, step_eval, step_cond],
        sagemaker_session=session,
    )


def steps_of(execution: Any) -> dict[str, Any]:
    """Step -> its status, and the execution whose result it took from the cache."""
    return {
        step["StepName"]: [step["StepStatus"], step.get("CacheHitResult", {}).get("SourcePipelineExecutionArn")]
        for step in execution.list_steps()
    }


def played(options: argparse.Namespace) -> dict[str, Any]:
    """Run it as it is, once more to see the cache, and with a threshold that no model meets."""
    pipeline = built(options.bucket, options.role)
    pipeline.upsert(role_arn=options.role)
    first = pipeline.start()
    first.wait(delay=1)
    second = pipeline.start()
    refused = pipeline.start(parameters={"MseThreshold": 0.0001, "ModelApprovalStatus": "Approved"})
    second.wait(delay=1)
    try:
        refused.wait(delay=1)
    except WaiterError as error:
        print(f"as expected: {error}")
    reasons = {step["StepName"]: step.get("FailureReason") for step in refused.list_steps()}
    return {
        "parameters": [parameter.name for parameter in pipeline.parameters],
        "first_arn": first.arn,
        "first": steps_of(first),
        "second": steps_of(second),
        "refused": steps_of(refused),
        "refused_status": refused.describe()["PipelineExecutionStatus"],
        "refused_reason": reasons["FailPipeline"],
    }
