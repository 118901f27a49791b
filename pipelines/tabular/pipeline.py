"""The ``tabular`` pipeline: preprocess, train, evaluate, and register what passes the gate.

Written with the SageMaker SDK and compiled to ``definition.json`` by ``pipelines.compile``; nothing but the
compiler imports this. One image runs every step and serves the model: a booster saved by one minor version of
XGBoost can load in another and predict wrong.

Each job's code comes from a content-addressed URI of its own, so that a step's cache key changes exactly when its own
code does. Only what AWS documents is used: a Fail step's message joins texts, parameters and properties of steps, but
reads no JSON; the report that it names is read by whoever records the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import StoppingCondition
from sagemaker.core.training.configs import Compute, InputData, Networking, OutputDataConfig
from sagemaker.core.workflow.conditions import ConditionEquals, ConditionLessThanOrEqualTo
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer

from pipelines.authoring import (
    CACHE,
    HOUR,
    INPUT,
    Setting,
    code_of,
    job_input,
    job_output,
    job_retries,
    output_of,
    output_uri,
    service_retries,
)

SERVING_ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    # The toolkit answers JSON to clients that do not say what they accept; ours read CSV.
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
}
METRIC = "regression_metrics.mse.value"
FAILED_RULES = "gate.failed_rules"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What can be chosen for each execution."""

    processing_instances: ParameterInteger
    processing_instance_type: ParameterString
    training_instance_type: ParameterString
    approval_status: ParameterString
    mse_threshold: ParameterFloat
    rounds: ParameterInteger
    max_depth: ParameterInteger
    eta: ParameterFloat
    objective: ParameterString
    gate: ParameterString
    live: ParameterString
    input_data: ParameterString
    data_contract: ParameterString
    package_group: ParameterString

    @classmethod
    def declare(cls, setting: Setting) -> Parameters:
        return cls(
            processing_instances=ParameterInteger("ProcessingInstanceCount", 1),
            processing_instance_type=ParameterString("ProcessingInstanceType", "ml.m5.xlarge"),
            training_instance_type=ParameterString("TrainingInstanceType", "ml.m5.xlarge"),
            approval_status=ParameterString(
                "ModelApprovalStatus", "PendingManualApproval", ["PendingManualApproval", "Approved"]
            ),
            mse_threshold=ParameterFloat("MseThreshold", 6.0),
            rounds=ParameterInteger("NumRound", 50),
            max_depth=ParameterInteger("MaxDepth", 5),
            eta=ParameterFloat("Eta", 0.2),
            objective=ParameterString("Objective", "reg:squarederror", ["reg:squarederror", "binary:logistic"]),
            gate=ParameterString("Gate", "none"),
            live=ParameterString("Live", "none"),
            input_data=ParameterString("InputData"),
            data_contract=ParameterString("DataContract", setting.data_contract),
            package_group=ParameterString("ModelPackageGroupName", setting.package_group),
        )


def build(setting: Setting) -> Pipeline:
    """The pipeline, not yet compiled. Makes no call to AWS."""
    chosen = Parameters.declare(setting)
    preprocess = preprocess_step(setting, chosen)
    train = train_step(setting, chosen, preprocess)
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = evaluate_step(setting, chosen, preprocess, train, report)

    def reported(path: str) -> JsonGet:
        return JsonGet(step_name=evaluate.name, property_file=report, json_path=path)

    check = ConditionStep(
        name="CheckModelQuality",
        conditions=[
            ConditionLessThanOrEqualTo(left=reported(METRIC), right=chosen.mse_threshold),
            ConditionEquals(left=reported(FAILED_RULES), right=0),
        ],
        if_steps=[register_step(setting, chosen, train, evaluate)],
        else_steps=[
            FailStep(
                name="FailPipeline",
                error_message=Join(
                    values=[
                        *(METRIC, " has to be at most the MseThreshold of ", chosen.mse_threshold),
                        ", and no rule of the spec's gate may fail; see ",
                        *(output_of(evaluate, "evaluation"), "/evaluation.json"),
                    ],
                ),
            )
        ],
    )
    return Pipeline(
        name="tabular",
        parameters=[getattr(chosen, name) for name in Parameters.__dataclass_fields__],
        steps=[preprocess, train, evaluate, check],
        pipeline_experiment_config=None,  # the default makes an experiment and a trial of every execution
        sagemaker_session=setting.session,
    )


def preprocess_step(setting: Setting, chosen: Parameters) -> ProcessingStep:
    """Several instances each do the whole work and write the same bytes: fitting needs all rows."""
    processor = Processor(instance_count=chosen.processing_instances, **_job(setting, chosen, script="preprocess.py"))
    arguments = processor.run(
        inputs=[
            job_input("data", chosen.input_data, data_type="ManifestFile"),
            job_input("contract", chosen.data_contract),
            job_input("code", f"{code_of(setting, 'preprocess.py')}/scripts/"),
        ],
        outputs=[job_output(setting, name) for name in ("train", "validation", "test", "preprocessing", "profile")],
    )
    return ProcessingStep(name="PreprocessData", step_args=arguments, cache_config=CACHE, retry_policies=job_retries())


def train_step(setting: Setting, chosen: Parameters, preprocess: ProcessingStep) -> TrainingStep:
    """Script mode by hyperparameters: the SDK's source_code would put the time of day into an S3 URI.

    The code is a channel, as the SDK itself does it for jobs without a network (enable_network_isolation): the toolkit
    cannot fetch it from S3 then.
    """
    trainer = ModelTrainer(
        sagemaker_session=setting.session,
        role=setting.role_arn,
        training_image=setting.image,
        compute=Compute(instance_type=chosen.training_instance_type, instance_count=1, volume_size_in_gb=30),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=HOUR),
        output_data_config=OutputDataConfig(s3_output_path=output_uri(setting, "model")),
        networking=Networking(enable_network_isolation=True),
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
            "sagemaker_region": setting.region,
            "objective": chosen.objective,
            # Hyperparameters are strings; a bare reference to a number would stay a number.
            "num_round": chosen.rounds.to_string(),
            "max_depth": chosen.max_depth.to_string(),
            "eta": chosen.eta.to_string(),
        },
    )
    arguments = trainer.train(
        input_data_config=[
            InputData(channel_name=name, data_source=output_of(preprocess, name), content_type=content_type)
            for name, content_type in (
                ("train", "text/csv"),
                ("validation", "text/csv"),
                ("preprocessing", "application/json"),
            )
        ]
        + [InputData(channel_name="code", data_source=f"{code_of(setting, 'train.py')}/sourcedir.tar.gz")]
    )
    return TrainingStep(name="TrainModel", step_args=arguments, cache_config=CACHE, retry_policies=job_retries())


def evaluate_step(
    setting: Setting,
    chosen: Parameters,
    preprocess: ProcessingStep,
    train: TrainingStep,
    report: PropertyFile,
) -> ProcessingStep:
    processor = Processor(instance_count=1, **_job(setting, chosen, script="evaluate.py"))
    arguments = processor.run(
        inputs=[
            job_input("model", train.properties.ModelArtifacts.S3ModelArtifacts),
            job_input("test", output_of(preprocess, "test")),
            job_input("code", f"{code_of(setting, 'evaluate.py')}/scripts/"),
        ],
        outputs=[job_output(setting, "evaluation")],
        # Part of the cache key: another gate, or another version in service, is another verdict.
        arguments=["--gate", chosen.gate, "--live", chosen.live],
    )
    return ProcessingStep(
        name="EvaluateModel",
        step_args=arguments,
        property_files=[report],
        cache_config=CACHE,
        retry_policies=job_retries(),
    )


def register_step(setting: Setting, chosen: Parameters, train: TrainingStep, evaluate: ProcessingStep) -> ModelStep:
    evaluation = Join(on="/", values=[output_of(evaluate, "evaluation"), "evaluation.json"])
    builder = ModelBuilder(
        sagemaker_session=setting.session,
        role_arn=setting.role_arn,
        image_uri=setting.image,
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        env_vars=dict(SERVING_ENVIRONMENT),
        dependencies=None,  # the default adds SAGEMAKER_PROGRAM="", with which the container's /ping fails
    )
    arguments = builder.register(
        model_package_group_name=chosen.package_group,
        approval_status=chosen.approval_status,
        content_types=["text/csv", "application/json"],
        response_types=["text/csv", "application/json"],
        # No list of instance types: it is optional for versioned packages, and the spec names its own.
        model_metrics=ModelMetrics(model_statistics=MetricsSource(s3_uri=evaluation, content_type="application/json")),
    )
    return ModelStep(name="RegisterModel", step_args=arguments, retry_policies=[service_retries()])


def _job(setting: Setting, chosen: Parameters, *, script: str) -> dict[str, Any]:
    return {
        "sagemaker_session": setting.session,
        "role": setting.role_arn,
        "image_uri": setting.image,
        "instance_type": chosen.processing_instance_type,
        "entrypoint": ["python3", f"{INPUT}/code/{script}"],
        "max_runtime_in_seconds": HOUR,
        # The code of a job has no network and no credentials: it cannot write another model's artifact.
        "network_config": NetworkConfig(enable_network_isolation=True),
    }
