"""What the README tells people to type is typed, with the stock SAM CLI: what is uploaded must run on Lambda."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from layer_build.dataclass_expansion import expand

from localaws.local_aws import LocalAws
from tests.builders.documented_commands import ROOT, documented, documented_removals, stage_of, typed
from tests.contract.documented.conftest import Deployed

STAGES = ("dev", "prod")
CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
LAMBDA_PYTHON = ROOT / ".venvs" / "lambda-runtime" / "bin" / "python"
QUESTION = "Deploy this changeset?"


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_readme_says_how_to_deploy_each_stage() -> None:
    assert [stage_of(command) for command in documented("sam deploy")] == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_deployed_as_its_own_stack(stage: str, deployed: Mapping[str, Deployed]) -> None:
    stack = deployed[stage].stack
    assert stack["StackName"] == f"sluice-{stage}"
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Capabilities"] == ["CAPABILITY_IAM"]
    assert {"ParameterKey": "Stage", "ParameterValue": stage} in stack["Parameters"]
    for properties in deployed[stage].of_type("AWS::Serverless::Function").values():
        assert f"/sluice-{stage}/" in properties["CodeUri"]


def test_only_prod_asks_before_it_changes_anything(deployed: Mapping[str, Deployed]) -> None:
    assert {stage: QUESTION in result.said for stage, result in deployed.items()} == {"dev": False, "prod": True}


@pytest.mark.parametrize("stage", STAGES)
def test_each_function_is_uploaded_with_its_own_code_and_nothing_else(
    stage: str, deployed: Mapping[str, Deployed]
) -> None:
    functions = deployed[stage].of_type("AWS::Serverless::Function")
    uploaded = {name: files(deployed[stage].folder / name) for name in functions}
    assert uploaded == {
        f"{path.parent.name.title().replace('_', '')}Function": files(path.parent)
        for path in (ROOT / "functions").glob("*/app.py")
    }


@pytest.mark.parametrize("stage", STAGES)
def test_the_layer_is_uploaded_with_the_package_where_python_looks(
    stage: str, deployed: Mapping[str, Deployed], tmp_path: Path
) -> None:
    packages = deployed[stage].folder / "SluiceLayer" / "python"
    shutil.copytree(ROOT / "layers" / "sluice" / "sluice", tmp_path / "sluice")
    expand(tmp_path, ("sluice",))  # the build writes the methods of dataclasses out
    assert files(packages / "sluice") == files(tmp_path / "sluice")
    assert (packages / "botocore").is_dir()


IMPORT_HANDLER = """
import importlib, json, sys
module, name = sys.argv[1].rsplit(".", 1)
assert callable(getattr(importlib.import_module(module), name))
print(json.dumps([sys.modules[name].__file__ for name in (module, "sluice")]))
"""


def test_each_handler_imports_from_what_was_uploaded(deployed: Mapping[str, Deployed]) -> None:
    """Run as on Lambda: AWS's runtime client, the function and the layer are all there is."""
    result = deployed["dev"]
    layer = result.folder / "SluiceLayer" / "python"
    functions = result.of_type("AWS::Serverless::Function")
    assert functions
    for name, properties in functions.items():
        code = result.folder / name
        done = subprocess.run(
            [LAMBDA_PYTHON, "-c", IMPORT_HANDLER, properties["Handler"]],
            cwd=code, env={"PYTHONPATH": f"{code}:{layer}"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{name}: {done.stderr}"
        app, package = json.loads(done.stdout)
        assert Path(app).parent == code
        assert Path(package).is_relative_to(layer)


def test_prod_is_given_what_dev_proved(deployed: Mapping[str, Deployed]) -> None:
    assert files(deployed["prod"].folder) == files(deployed["dev"].folder)


def test_sam_lists_the_functions_of_a_stack_none_of_which_has_a_url(
    checkout: Path, aws: LocalAws, deployed: Mapping[str, Deployed]
) -> None:
    """The SAM CLI asks Cloud Control for the URL of each, whether the template gives it one or not."""
    done = typed("sam list endpoints --stack-name sluice-dev --output json", checkout, aws)
    assert done.returncode == 0, done.stdout
    listed = {each["LogicalResourceId"]: each["CloudEndpoint"] for each in json.loads(done.stdout)}
    assert listed == dict.fromkeys(deployed["dev"].of_type("AWS::Serverless::Function"), "-")


def test_cloud_control_refuses_by_name_what_it_does_not_serve(aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="GetResource of AWS::Lambda::Function is not supported by the local AWS"):
        aws.client("cloudcontrol").get_resource(TypeName="AWS::Lambda::Function", Identifier="f")


def test_a_stack_is_removed_by_the_documented_command(
    checkout: Path, aws: LocalAws, deployed: Mapping[str, Deployed]
) -> None:
    commands = documented_removals()
    assert commands
    for command in commands:
        done = typed(command, checkout, aws, answers="n\n")
        assert f"delete the stack sluice-{stage_of(command)} " in done.stdout


def sections() -> list[tuple[str, str, dict[str, Any]]]:
    """Environment, command and options of each section of samconfig.toml."""
    return [
        (environment, command, section["parameters"])
        for environment, commands in CONFIG.items()
        if environment != "version"
        for command, section in commands.items()
    ]


def test_no_section_names_a_template() -> None:
    """A template named there would be deployed as it is, instead of the one that ``sam build`` left."""
    assert [name for *name, options in sections() if {"template", "template_file"} & options.keys()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_configured_completely(stage: str) -> None:
    options = CONFIG[stage]["deploy"]["parameters"]
    assert options == {
        "stack_name": f"sluice-{stage}",
        "parameter_overrides": f"Stage={stage}",
        "capabilities": "CAPABILITY_IAM",
        "resolve_s3": True,
        "s3_prefix": f"sluice-{stage}",
        "confirm_changeset": stage == "prod",
        "fail_on_empty_changeset": False,
    }


def test_without_an_environment_dev_is_deployed() -> None:
    assert CONFIG["default"]["deploy"] == CONFIG["dev"]["deploy"]


def test_every_option_is_one_that_sam_knows(checkout: Path, aws: LocalAws) -> None:
    """The SAM CLI passes over what it does not know without a word."""
    commands = {command for _, command, _ in sections()}
    offered = {command: typed(f"sam {command} --help", checkout, aws).stdout for command in commands}
    unknown = [
        f"{command}: {name}"
        for _, command, options in sections()
        for name in options
        if not re.search(rf"--{name.replace('_', '-')}\b", offered[command])
    ]
    assert unknown == []
