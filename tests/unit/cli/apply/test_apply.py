"""``sluice apply`` makes AWS agree with a spec, in an order that survives being cut short."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from sluice.spec.model import ModelSpec
from sluice.training.run_token import definition_digest

from cli.apply.step_code import needed_scripts
from cli.failures import BadInputError, CommandError, NotFoundError, SpecFilesError
from cli.main import command_line
from tests.builders.aws_clients import client_error
from tests.builders.fake_aws import FakeAws

SPEC = """\
name: fraud
data:
  target: risk
  columns:
    - {name: age, type: number}
pipeline:
  definition: tiny
  parameters: {Threshold: 2.5, Rounds: 7}
endpoint:
  instance_type: ml.m5.large
"""

DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "Threshold", "Type": "Float", "DefaultValue": 6.0},
        {"Name": "Rounds", "Type": "Integer", "DefaultValue": 50},
        {"Name": "Mode", "Type": "String", "DefaultValue": "fast", "EnumValues": ["fast", "slow"]},
        {"Name": "InputData", "Type": "String"},
        {"Name": "ModelPackageGroupName", "Type": "String", "DefaultValue": "${ModelPackageGroup}"},
        {"Name": "DataContract", "Type": "String", "DefaultValue": "${DataContract}"},
    ],
    "Steps": [
        {
            "Name": "Train",
            "Type": "Training",
            "CacheConfig": {"Enabled": True, "ExpireAfter": "30d"},
            "Arguments": {
                "RoleArn": "${PipelineRoleArn}",
                "Image": "${XGBoostImage}",
                "Code": "${CodePrefix}/sourcedir.tar.gz",
                "Output": {"Std:Join": {"On": "/", "Values": ["s3://${DataBucket}/pipelines/${Model}", "${Region}"]}},
            },
        }
    ],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "pipelines" / "tiny"
    folder.mkdir(parents=True)
    (folder / "definition.json").write_text(json.dumps(DEFINITION))
    (folder / "pipeline.py").write_text("import sagemaker")
    (folder / "train.py").write_text("print('train')")
    (folder / "features.py").write_text("")
    (tmp_path / "pipelines" / "images.json").write_text('{"us-east-1": "registry/xgboost:3.0-5"}')
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "fraud.yaml").write_text(SPEC)
    return tmp_path


def apply(aws: FakeAws, project: Path, *more: str, output: str = "text") -> int:
    arguments = command_line({}).parse_args(["apply", str(project / "models" / "fraud.yaml"), *more])
    return int(arguments.run(arguments, aws.session(output)))


def verdicts(aws: FakeAws, project: Path, *more: str) -> list[str]:
    aws.screen.truncate(0)
    aws.screen.seek(0)
    assert apply(aws, project, *more, output="json") == 0
    (model,) = json.loads(aws.shown)["models"]
    return [change["verdict"] for change in model["changes"]]


def test_everything_is_made_and_filled_in(project: Path) -> None:
    aws = FakeAws()
    assert apply(aws, project) == 0
    assert aws.sagemaker.groups == {"sluice-dev-fraud"}
    pipeline = aws.sagemaker.pipelines["sluice-dev-fraud"]
    definition = json.loads(pipeline["PipelineDefinition"])
    defaults = {one["Name"]: one.get("DefaultValue") for one in definition["Parameters"]}
    (contract,) = (key for key in aws.s3.objects if key.startswith("contracts/fraud/"))
    assert defaults == {
        "Threshold": 2.5,
        "Rounds": 7,
        "Mode": "fast",
        "InputData": None,
        "ModelPackageGroupName": "sluice-dev-fraud",
        "DataContract": f"s3://the-bucket/{contract}",
    }
    (archive,) = (key for key in aws.s3.objects if key.endswith("sourcedir.tar.gz"))
    assert definition["Steps"][0]["Arguments"] == {
        "RoleArn": "arn:aws:iam::1:role/pipeline",
        "Image": "registry/xgboost:3.0-5",
        "Code": f"s3://the-bucket/{archive}",
        "Output": {"Std:Join": {"On": "/", "Values": ["s3://the-bucket/pipelines/fraud", "us-east-1"]}},
    }
    assert pipeline["RoleArn"] == "arn:aws:iam::1:role/pipeline"
    stored = ModelSpec.parse(json.loads(aws.ssm.parameters["/sluice/dev/models/fraud"]))
    assert stored.pipeline.parameters == {"Threshold": "2.5", "Rounds": "7"}


def test_the_uploaded_code_is_the_scripts_without_the_authoring_module(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    scripts = {key.rsplit("/", 1)[-1] for key in aws.s3.objects if "/scripts/" in key}
    assert scripts == {"train.py", "features.py"}
    (archive,) = (content for key, content in aws.s3.objects.items() if key.endswith("sourcedir.tar.gz"))
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        assert packed.getnames() == ["features.py", "train.py"]
        assert all(member.mtime == 0 and member.uname == "" for member in packed)


def test_applying_twice_changes_nothing(project: Path) -> None:
    aws = FakeAws()
    assert verdicts(aws, project) == ["created"] * 5
    before = (dict(aws.s3.objects), dict(aws.ssm.parameters), dict(aws.sagemaker.pipelines))
    assert verdicts(aws, project) == ["unchanged"] * 5
    assert before == (aws.s3.objects, aws.ssm.parameters, aws.sagemaker.pipelines)


def test_a_dry_run_writes_nothing(project: Path) -> None:
    aws = FakeAws()
    assert verdicts(aws, project, "--dry-run") == ["created"] * 5
    assert not aws.s3.objects
    assert not aws.sagemaker.groups
    assert not aws.sagemaker.pipelines
    assert list(aws.ssm.parameters) == ["/sluice/dev/stack"]


def test_a_changed_threshold_changes_the_pipeline_and_the_spec_only(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    (project / "models" / "fraud.yaml").write_text(SPEC.replace("2.5", "3.5"))
    assert verdicts(aws, project) == ["unchanged", "unchanged", "unchanged", "changed", "changed"]


def test_changed_code_is_uploaded_beside_the_old(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    old = set(aws.s3.objects)
    (project / "pipelines" / "tiny" / "train.py").write_text("print('better')")
    assert verdicts(aws, project) == ["created", "unchanged", "unchanged", "changed", "unchanged"]
    assert old < set(aws.s3.objects)


def test_one_byte_in_train_py_changes_the_code_of_training_alone(project: Path) -> None:
    tiny = project / "pipelines" / "tiny"
    steps = {"Prepare": "${CodePrefix_prepare}/scripts/", "Train": "${CodePrefix_train}/sourcedir.tar.gz"}
    definition = DEFINITION | {
        "Steps": [{"Name": name, "Type": "Training", "Arguments": {"Code": uri}} for name, uri in steps.items()]
    }
    (tiny / "definition.json").write_text(json.dumps(definition))
    (tiny / "prepare.py").write_text("import json\nfrom features import encode")
    (tiny / "train.py").write_text("PACKED = ('serve.py',)")
    (tiny / "serve.py").write_text("from features import encode")
    aws = FakeAws()

    def code() -> dict[str, str]:
        pipeline = json.loads(aws.sagemaker.pipelines["sluice-dev-fraud"]["PipelineDefinition"])
        return {step["Name"]: step["Arguments"]["Code"].split("/")[5] for step in pipeline["Steps"]}

    assert apply(aws, project) == 0
    before = code()
    mounted = {key.rsplit("/", 1)[-1] for key in aws.s3.objects if f"/{before['Prepare']}/scripts/" in key}
    packed = {key.rsplit("/", 1)[-1] for key in aws.s3.objects if f"/{before['Train']}/scripts/" in key}
    assert (mounted, packed) == ({"prepare.py", "features.py"}, {"train.py", "serve.py", "features.py"})
    (tiny / "train.py").write_text("PACKED = ('serve.py',)#")
    assert apply(aws, project) == 0
    assert code()["Prepare"] == before["Prepare"]
    assert code()["Train"] != before["Train"]


def test_code_of_a_script_that_is_not_there_is_asked_for_by_name(project: Path) -> None:
    definition = json.dumps(DEFINITION).replace("${CodePrefix}", "${CodePrefix_trian}")
    (project / "pipelines" / "tiny" / "definition.json").write_text(definition)
    with pytest.raises(BadInputError, match=r"the code of trian\.py; its scripts are: features\.py, train\.py"):
        apply(FakeAws(), project)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import json\nx = (1,\n", r"Pipeline tiny: train\.py, line 2: '\(' was never closed"),
        ("x\0", r"train\.py.*null"),
    ],
)
def test_a_script_that_is_not_python_is_named_with_its_line(project: Path, source: str, problem: str) -> None:
    definition = json.dumps(DEFINITION).replace("${CodePrefix}", "${CodePrefix_train}")
    (project / "pipelines" / "tiny" / "definition.json").write_text(definition)
    (project / "pipelines" / "tiny" / "train.py").write_text(source)
    aws = FakeAws()
    with pytest.raises(BadInputError, match=problem):
        apply(aws, project)
    assert not aws.s3.objects


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("import importlib\nimportlib.import_module('features')", ["features.py", "train.py"]),
        ("from importlib import import_module\nimport_module('features.text')", ["features.py", "train.py"]),
        ("__import__('features')", ["features.py", "train.py"]),
        ("name = 'features'\n__import__(name)", ["train.py"]),
    ],
)
def test_a_script_that_is_imported_by_a_call_is_part_of_the_code(source: str, needed: list[str]) -> None:
    assert (
        list(needed_scripts({"train.py": source.encode(), "features.py": b"", "other.py": b""}, "train.py")) == needed
    )


@pytest.mark.parametrize("uploads_before_the_failure", range(4))
def test_an_apply_cut_short_is_repaired_by_repeating_it(project: Path, uploads_before_the_failure: int) -> None:
    aws, whole = FakeAws(), FakeAws()
    apply(whole, project)
    left = uploads_before_the_failure

    def fail_later(_key: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise client_error("PutObject", "SlowDown")

    aws.s3.on_put = fail_later
    with pytest.raises(Exception, match="SlowDown"):
        apply(aws, project)
    assert "/sluice/dev/models/fraud" not in aws.ssm.parameters
    aws.s3.on_put = lambda _key: None
    apply(aws, project)
    assert aws.s3.objects == whole.s3.objects
    assert aws.ssm.parameters == whole.ssm.parameters
    assert aws.sagemaker.pipelines == whole.sagemaker.pipelines


@pytest.mark.parametrize(
    ("old", "new", "line", "allowed", "message"),
    [
        ("Threshold", "Treshold", 8, "Threshold, Rounds, Mode", "did you mean 'Threshold'"),
        ("Rounds: 7", "Rounds: 7.5", 8, "whole number", "no Integer"),
        ("Rounds: 7", "Mode: slwo", 8, "fast | slow", "unknown"),
        ("Threshold: 2.5", "Threshold: high", 8, "finite number", "no Float"),
        ("definition: tiny", "definition: tin", 7, "tiny", "did you mean 'tiny'"),
        ("ml.m5.large", "ml.m5.larg", 10, "ml.m5.large", "SageMaker has no ml.m5.larg"),
        ("ml.m5.large", "ml.zz9.large", 10, "a type that SageMaker has", "SageMaker has no ml.zz9.large"),
    ],
)
def test_what_does_not_fit_the_pipeline_is_refused_before_anything_is_written(  # noqa: PLR0917  # a table
    project: Path, old: str, new: str, line: int, allowed: str, message: str
) -> None:
    aws = FakeAws()
    (project / "models" / "fraud.yaml").write_text(SPEC.replace(old, new))
    with pytest.raises(SpecFilesError) as caught:
        apply(aws, project)
    (found,) = caught.value.problems
    assert found.line == line
    assert allowed in found.problem.allowed
    assert message in found.problem.message
    assert list(aws.ssm.parameters) == ["/sluice/dev/stack"]
    assert not aws.s3.objects


def test_without_a_stack_it_says_to_deploy_first(project: Path) -> None:
    aws = FakeAws()
    aws.ssm.parameters.clear()
    with pytest.raises(NotFoundError, match=r"Nothing is deployed for stage dev in us-east-1.*deploy"):
        apply(aws, project)


@pytest.mark.parametrize("text", ["{}", "not json", "[]"])
def test_a_stack_parameter_that_tells_nothing_is_an_error_of_the_deployment(project: Path, text: str) -> None:
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/stack"] = text
    with pytest.raises(CommandError, match="deploy again"):
        apply(aws, project)


def test_a_region_without_an_image_is_named(project: Path) -> None:
    with pytest.raises(CommandError, match="mars-1; there is one for: us-east-1"):
        apply(FakeAws(region="mars-1"), project)


def test_a_token_that_apply_does_not_know_is_an_error(project: Path) -> None:
    definition = json.dumps(DEFINITION).replace("${Region}", "${Planet}")
    (project / "pipelines" / "tiny" / "definition.json").write_text(definition)
    with pytest.raises(CommandError, match="Planet"):
        apply(FakeAws(), project)


def test_people_are_shown_what_changed(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    assert "created    pipeline  sluice-dev-fraud" in aws.shown
    assert "created    spec  /sluice/dev/models/fraud" in aws.shown


@pytest.mark.parametrize(
    ("cache", "config"),
    [
        pytest.param("", {"Enabled": True, "ExpireAfter": "P30D"}, id="by default"),
        pytest.param("  cache: 7d", {"Enabled": True, "ExpireAfter": "P7D"}, id="days"),
        pytest.param("  cache: 90m", {"Enabled": True, "ExpireAfter": "PT90M"}, id="part of a day"),
        pytest.param("  cache: off", {"Enabled": False}, id="off"),
    ],
)
def test_the_spec_says_how_long_results_are_kept(project: Path, cache: str, config: dict[str, object]) -> None:
    aws = FakeAws()
    (project / "models" / "fraud.yaml").write_text(SPEC.replace("  definition: tiny", f"  definition: tiny\n{cache}"))
    assert apply(aws, project) == 0
    definition = json.loads(aws.sagemaker.pipelines["sluice-dev-fraud"]["PipelineDefinition"])
    assert definition["Steps"][0]["CacheConfig"] == config


def test_a_time_that_is_none_is_refused_with_off_among_what_is_allowed(project: Path) -> None:
    (project / "models" / "fraud.yaml").write_text(
        SPEC.replace("  definition: tiny", "  definition: tiny\n  cache: on")
    )
    with pytest.raises(SpecFilesError, match=r"pipeline\.cache: True is not a time span.*1m to 365d, or off"):
        apply(FakeAws(), project)


REGISTRATION = {
    "Name": "Register",
    "Type": "RegisterModel",
    "Arguments": {"ModelPackageGroupName": "g", "ModelApprovalStatus": {"Get": "Parameters.Status"}},
}


def registering(project: Path, spec: str = SPEC) -> None:
    """A pipeline that registers versions with the approval of its parameter ``Status``."""
    status = {"Name": "Status", "Type": "String", "DefaultValue": "Approved"}
    definition = {**DEFINITION, "Parameters": [*DEFINITION["Parameters"], status], "Steps": [REGISTRATION]}
    (project / "pipelines" / "tiny" / "definition.json").write_text(json.dumps(definition))
    (project / "models" / "fraud.yaml").write_text(spec)


def test_no_spec_sets_the_approval_that_versions_are_registered_with(project: Path) -> None:
    aws = FakeAws()
    registering(project, SPEC.replace("Rounds: 7", "Status: Approved"))
    with pytest.raises(SpecFilesError, match=r"pipeline.parameters.Status: .*RegisterVersionsAs"):
        apply(aws, project)


@pytest.mark.parametrize("owner", ["PendingManualApproval", "Approved"])
def test_the_stacks_owner_alone_says_how_versions_are_registered(project: Path, owner: str) -> None:
    aws = FakeAws()
    registering(project)
    stack = json.loads(aws.ssm.parameters["/sluice/dev/stack"])
    aws.ssm.parameters["/sluice/dev/stack"] = json.dumps({**stack, "register_as": owner})
    assert apply(aws, project) == 0
    definition = json.loads(aws.sagemaker.pipelines["sluice-dev-fraud"]["PipelineDefinition"])
    assert {each["Name"]: each.get("DefaultValue") for each in definition["Parameters"]}["Status"] == owner


def redeploy(aws: FakeAws) -> None:
    """The stack was deleted and deployed again: new roles, and all that was made at run time is still there."""
    stack = json.loads(aws.ssm.parameters["/sluice/dev/stack"])
    roles = {"pipeline_role_arn": "arn:aws:iam::1:role/pipeline-2", "model_role_arn": "arn:aws:iam::1:role/model-2"}
    aws.ssm.parameters["/sluice/dev/stack"] = json.dumps(stack | roles)


def test_a_stage_deployed_anew_is_repaired_by_apply_which_says_so(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    before = aws.sagemaker.pipelines["sluice-dev-fraud"]["PipelineDefinition"]
    redeploy(aws)
    assert apply(aws, project, "--dry-run") == 0
    note = "Note: pipeline sluice-dev-fraud is of a removed stack: its role arn:aws:iam::1:role/pipeline is not"
    assert note in aws.shown
    assert aws.sagemaker.pipelines["sluice-dev-fraud"]["RoleArn"] == "arn:aws:iam::1:role/pipeline"
    assert "changed" in verdicts(aws, project)
    repaired = aws.sagemaker.pipelines["sluice-dev-fraud"]
    assert repaired["RoleArn"] == "arn:aws:iam::1:role/pipeline-2"
    assert apply(aws, project, "--dry-run") == 0
    assert "removed" not in aws.shown.rpartition("dry run")[2]
    # The jobs' role is part of the definition, so a run of the same data is another one and is started anew.
    digests = {definition_digest(json.loads(text)) for text in (before, repaired["PipelineDefinition"])}
    assert len(digests) == 2


def test_a_pipeline_of_this_stack_gives_no_note(project: Path) -> None:
    aws = FakeAws()
    apply(aws, project)
    assert apply(aws, project) == 0
    assert "Note" not in aws.shown
