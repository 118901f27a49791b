"""Lab 4 with version 2 of the SageMaker SDK: five parameters, caching, gate, registration."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
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
PARTS = ("train", "validation", "test")
CACHE = CacheConfig(enable_caching=True, expire_after="P1D")


@dataclass(frozen=True, slots=True)
class Lab:
    """What the steps of the pipeline have in common."""

    session: PipelineSession
    bucket: str
    role: str
    processing_instance_count: ParameterInteger
    training_instance_type: ParameterString
    model_approval_status: ParameterString
    mse_threshold: ParameterFloat
    input_data: ParameterString

    @classmethod
    def of(cls, bucket: str, role: str) -> Lab:
        """With the five parameters and their defaults."""
        return cls(
            session=PipelineSession(default_bucket=bucket),
            bucket=bucket,
            role=role,
            processing_instance_count=ParameterInteger(name="ProcessingInstanceCount", default_value=1),
            training_instance_type=ParameterString(name="TrainingInstanceType", default_value="ml.m5.xlarge"),
            model_approval_status=ParameterString(name="ModelApprovalStatus", default_value="PendingManualApproval"),
            mse_threshold=ParameterFloat(name="MseThreshold", default_value=6.0),
            input_data=ParameterString(name="InputData", default_value=f"s3://{bucket}/data/input.csv"),
        )

    @property
    def image_uri(self) -> str:
        """The XGBoost image, which trains, evaluates and serves."""
        return str(image_uris.retrieve("xgboost", self.session.boto_region_name, version="3.0-5"))


def output_of(step: ProcessingStep, name: str) -> Any:
    """Where an earlier step leaves an output."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def process_step(lab: Lab) -> ProcessingStep:
    """Step 1: SKLearnProcessor reads the raw table and splits it."""
    processor = SKLearnProcessor(
        framework_version="1.2-1",
        instance_type="ml.m5.xlarge",
        instance_count=lab.processing_instance_count,
        role=lab.role,
        sagemaker_session=lab.session,
    )
    arguments = processor.run(
        inputs=[ProcessingInput(source=lab.input_data, destination="/opt/ml/processing/input")],
        outputs=[ProcessingOutput(output_name=part, source=f"/opt/ml/processing/{part}") for part in PARTS],
        code=str(CODE / "preprocessing.py"),
    )
    return ProcessingStep(name="PreprocessData", step_args=arguments, cache_config=CACHE)


def train_step(lab: Lab, process: ProcessingStep, num_round: int) -> TrainingStep:
    """Step 2: the estimator trains on what the first step made."""
    xgb_train = Estimator(
        image_uri=lab.image_uri,
        instance_type=lab.training_instance_type,
        instance_count=1,
        output_path=f"s3://{lab.bucket}/v2/pipeline/output",
        role=lab.role,
        sagemaker_session=lab.session,
    )
    xgb_train.set_hyperparameters(objective="reg:linear", num_round=num_round, max_depth=5, eta=0.2)
    arguments = xgb_train.fit(
        inputs={
            part: TrainingInput(s3_data=output_of(process, part), content_type="text/csv")
            for part in ("train", "validation")
        }
    )
    return TrainingStep(name="TrainModel", step_args=arguments, cache_config=CACHE)


def evaluate_step(lab: Lab, process: ProcessingStep, train: TrainingStep, report: PropertyFile) -> ProcessingStep:
    """Step 3: ScriptProcessor scores the test set."""
    processor = ScriptProcessor(
        image_uri=lab.image_uri,
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=1,
        role=lab.role,
        sagemaker_session=lab.session,
    )
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    arguments = processor.run(
        inputs=[
            ProcessingInput(source=model, destination="/opt/ml/processing/model"),
            ProcessingInput(source=output_of(process, "test"), destination="/opt/ml/processing/test"),
        ],
        outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        code=str(CODE / "evaluation.py"),
    )
    return ProcessingStep(name="EvaluateModel", step_args=arguments, property_files=[report], cache_config=CACHE)


def gate(lab: Lab, train: TrainingStep, evaluate: ProcessingStep, report: PropertyFile) -> ConditionStep:
    """Step 4: registers a model that is good enough, else fails."""
    model = Model(
        image_uri=lab.image_uri,
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        sagemaker_session=lab.session,
        role=lab.role,
    )
    register_args = model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name="V2FraudModelGroup",
        approval_status=lab.model_approval_status,
    )
    step_register = ModelStep(name="RegisterModel", step_args=register_args)
    step_fail = FailStep(
        name="FailPipeline", error_message=Join(on=" ", values=["MSE", "exceeded threshold:", lab.mse_threshold])
    )
    mse = JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.mse.value")
    return ConditionStep(
        name="CheckModelQuality",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=lab.mse_threshold)],
        if_steps=[step_register],
        else_steps=[step_fail],
    )


def built(bucket: str, role: str, num_round: int = 50) -> Pipeline:
    """The pipeline of the lab, step by step as it is written there."""
    lab = Lab.of(bucket, role)
    process = process_step(lab)
    train = train_step(lab, process, num_round)
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = evaluate_step(lab, process, train, report)
    return Pipeline(
        name="V2MLOpsPipeline",
        parameters=[
            lab.processing_instance_count,
            lab.training_instance_type,
            lab.model_approval_status,
            lab.input_data,
            lab.mse_threshold,
        ],
        steps=[process, train, evaluate, gate(lab, train, evaluate, report)],
        sagemaker_session=lab.session,
    )


def steps_of(execution: Any) -> dict[str, Any]:
    """Step -> its status, and the execution whose result it took from the cache."""
    return {
        step["StepName"]: [step["StepStatus"], step.get("CacheHitResult", {}).get("SourcePipelineExecutionArn")]
        for step in execution.list_steps()
    }


def played(options: argparse.Namespace) -> dict[str, Any]:
    """Run it as it is, once more to see the cache, with a threshold that no model meets, and retrained."""
    pipeline = built(options.bucket, options.role)
    pipeline.upsert(role_arn=options.role)
    first = pipeline.start()
    first.wait(delay=1)
    second = pipeline.start()
    refused = pipeline.start(parameters={"MseThreshold": 0.0001, "ModelApprovalStatus": "Approved"})
    changed = built(options.bucket, options.role, num_round=40)
    changed.upsert(role_arn=options.role)
    retrained = changed.start()
    second.wait(delay=1)
    try:
        refused.wait(delay=1)
    except WaiterError as error:
        print(f"as expected: {error}")
    retrained.wait(delay=1)
    reasons = {step["StepName"]: step.get("FailureReason") for step in refused.list_steps()}
    return {
        "parameters": [parameter.name for parameter in pipeline.parameters],
        "first_arn": first.arn,
        "first": steps_of(first),
        "second": steps_of(second),
        "retrained": steps_of(retrained),
        "refused": steps_of(refused),
        "refused_status": refused.describe()["PipelineExecutionStatus"],
        "refused_reason": reasons["FailPipeline"],
    }
