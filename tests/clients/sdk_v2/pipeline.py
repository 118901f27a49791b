"""Lab 4 with version 2 of the SageMaker SDK: five parameters, caching, gate, registration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep

CODE = Path(__file__).parents[1] / "code"


def built(bucket: str, role: str) -> Pipeline:
    """The pipeline of the lab, step by step as it is written there."""
    session = PipelineSession(default_bucket=bucket)
    image_uri = image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5")
    processing_instance_count = ParameterInteger(name="ProcessingInstanceCount", default_value=1)
    training_instance_type = ParameterString(name="TrainingInstanceType", default_value="ml.m5.xlarge")
    model_approval_status = ParameterString(name="ModelApprovalStatus", default_value="PendingManualApproval")
    mse_threshold = ParameterFloat(name="MseThreshold", default_value=6.0)
    input_data = ParameterString(name="InputData", default_value=f"s3://{bucket}/data/input.csv")
    cache = CacheConfig(enable_caching=True, expire_after="P1D")

    processor = SKLearnProcessor(
        framework_version="1.2-1",
        instance_type="ml.m5.xlarge",
        instance_count=processing_instance_count,
        role=role,
        sagemaker_session=session,
    )
    parts = ("train", "validation", "test")
    processor_args = processor.run(
        inputs=[ProcessingInput(source=input_data, destination="/opt/ml/processing/input")],
        outputs=[ProcessingOutput(output_name=part, source=f"/opt/ml/processing/{part}") for part in parts],
        code=str(CODE / "preprocessing.py"),
    )
    step_process = ProcessingStep(name="PreprocessData", step_args=processor_args, cache_config=cache)
    prepared = step_process.properties.ProcessingOutputConfig.Outputs

    xgb_train = Estimator(
        image_uri=image_uri,
        instance_type=training_instance_type,
        instance_count=1,
        output_path=f"s3://{bucket}/v2/pipeline/output",
        role=role,
        sagemaker_session=session,
    )
    xgb_train.set_hyperparameters(objective="reg:linear", num_round=50, max_depth=5, eta=0.2)
    train_args = xgb_train.fit(
        inputs={
            part: TrainingInput(s3_data=prepared[part].S3Output.S3Uri, content_type="text/csv")
            for part in ("train", "validation")
        }
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
        inputs=[
            ProcessingInput(source=artifact, destination="/opt/ml/processing/model"),
            ProcessingInput(source=prepared["test"].S3Output.S3Uri, destination="/opt/ml/processing/test"),
        ],
        outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        code=str(CODE / "evaluation.py"),
    )
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    step_eval = ProcessingStep(name="EvaluateModel", step_args=eval_args, property_files=[report], cache_config=cache)

    model = Model(image_uri=image_uri, model_data=artifact, sagemaker_session=session, role=role)
    register_args = model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name="V2FraudModelGroup",
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
        name="V2MLOpsPipeline",
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
