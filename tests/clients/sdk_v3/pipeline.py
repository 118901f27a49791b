"""Lab 4 with version 3 of the SageMaker SDK: five parameters, caching, gate, registration."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
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
PARTS = ("train", "validation", "test")
CACHE = CacheConfig(enable_caching=True, expire_after="P1D")
BASE = "/opt/ml/processing"


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


def given(name: str, uri: Any) -> ProcessingInput:
    """An input of a processing job."""
    source = ProcessingS3Input(s3_uri=uri, local_path=f"{BASE}/{name}", s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)


def made(lab: Lab, name: str) -> ProcessingOutput:
    """An output of a processing job."""
    uri = f"s3://{lab.bucket}/v3/pipeline/{name}"
    target = ProcessingS3Output(s3_uri=uri, local_path=f"{BASE}/{name}", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)


def output_of(step: ProcessingStep, name: str) -> Any:
    """Where an earlier step leaves an output."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def process_step(lab: Lab) -> ProcessingStep:
    """Step 1: reads the raw table and splits it, in the image of scikit-learn."""
    region = lab.session.boto_region_name
    image = image_uris.retrieve("sklearn", region, version="1.2-1", py_version="py3", instance_type="ml.m5.xlarge")
    processor = ScriptProcessor(
        image_uri=image,
        command=["python3"],
        instance_type="ml.m5.xlarge",
        instance_count=lab.processing_instance_count,
        role=lab.role,
        sagemaker_session=lab.session,
    )
    arguments = processor.run(
        code=str(CODE / "preprocessing.py"),
        inputs=[given("input", lab.input_data)],
        outputs=[made(lab, part) for part in PARTS],
    )
    return ProcessingStep(name="PreprocessData", step_args=arguments, cache_config=CACHE)


def train_step(lab: Lab, process: ProcessingStep, num_round: int) -> TrainingStep:
    """Step 2: ModelTrainer trains on what the first step made."""
    trainer = ModelTrainer(
        sagemaker_session=lab.session,
        role=lab.role,
        training_image=lab.image_uri,
        compute=Compute(instance_type=lab.training_instance_type, instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{lab.bucket}/v3/pipeline/output"),
        hyperparameters={"objective": "reg:linear", "num_round": num_round, "max_depth": 5, "eta": 0.2},
    )
    arguments = trainer.train(
        input_data_config=[
            InputData(channel_name=part, data_source=output_of(process, part), content_type="text/csv")
            for part in ("train", "validation")
        ]
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
        code=str(CODE / "evaluation.py"),
        inputs=[given("model", model), given("test", output_of(process, "test"))],
        outputs=[made(lab, "evaluation")],
    )
    return ProcessingStep(name="EvaluateModel", step_args=arguments, property_files=[report], cache_config=CACHE)


def gate(lab: Lab, train: TrainingStep, evaluate: ProcessingStep, report: PropertyFile) -> ConditionStep:
    """Step 4: registers a model that is good enough, else fails."""
    builder = ModelBuilder(
        sagemaker_session=lab.session,
        role_arn=lab.role,
        image_uri=lab.image_uri,
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        dependencies=None,  # the default adds SAGEMAKER_PROGRAM="", with which the container's /ping fails
    )
    register_args = builder.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.xlarge"],
        model_package_group_name="V3FraudModelGroup",
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
        name="V3MLOpsPipeline",
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
