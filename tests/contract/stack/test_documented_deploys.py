"""What the README tells people to type is typed, with the stock SAM CLI: what is uploaded must run on Lambda."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from layer_build.dataclass_expansion import expand

from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.tests.interpreters import INTERPRETERS
from tests.fakes.change_sets import ARTIFACTS_BUCKET, ChangeSets

ROOT = Path(__file__).parents[3]
SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers", "statemachines")
STAGES = ("dev", "prod")
CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
LAMBDA_PYTHON = ROOT / ".venvs" / "lambda-runtime" / "bin" / "python"
QUESTION = "Deploy this changeset?"


def documented(words: str) -> list[str]:
    """The README's command lines with these words, without the remarks behind them."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if words in line]
    return [re.split(r"\s+#", line)[0] for line in lines]


def stage_of(command: str) -> str:
    """The environment of samconfig.toml that a command line names."""
    found = re.search(r"--config-env[ =](\S+)", command)
    assert found is not None, f"{command} names no environment"
    return found[1]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What one command line left behind."""

    said: str
    change_set: dict[str, Any]  # as CloudFormation was asked for it
    template: dict[str, Any]  # as uploaded
    folder: Path  # each function's and layer's zip, unpacked into a folder of its logical id

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of this type, with those of the template's Globals."""
        shared = self.template["Globals"].get(kind.rsplit("::", 1)[1], {})
        resources = self.template["Resources"].items()
        return {name: {**shared, **item["Properties"]} for name, item in resources if item["Type"] == kind}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads: ``sam build`` empties .aws-sam/build, from which other tests may be reading."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def change_sets() -> ChangeSets:
    return ChangeSets()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, change_sets: ChangeSets) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), INTERPRETERS, services=lambda _context: [change_sets]) as local:
        local.client("s3").create_bucket(Bucket=ARTIFACTS_BUCKET)
        yield local


def typed(command: str, checkout: Path, aws: LocalAws, answers: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command line in the checkout with the stock SAM CLI, whose AWS is the local one."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    # The layer's Makefile asks for a python3 with pip, which the SAM CLI's own environment has not.
    path = [str(ROOT / ".venv" / "bin"), str(ROOT / ".venvs" / "sam" / "bin"), os.environ["PATH"]]
    environment = {
        **inherited,
        **client_environment(aws.endpoint_url, aws.region),
        "PATH": os.pathsep.join(path),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
        "BYTECODE": "optional",  # what is tested needs no Python of Lambda's version
    }
    return subprocess.run(
        command, shell=True, cwd=checkout, env=environment, input=answers, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def deployed(
    checkout: Path, aws: LocalAws, change_sets: ChangeSets, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Deployed]:
    """What the README's command lines deploy, by stage."""
    results = {}
    for command in documented("sam deploy"):
        done = typed(command, checkout, aws, answers="y\n")
        assert done.returncode == 0, done.stdout
        _, change_set = change_sets.executed.popitem()
        results[stage_of(command)] = downloaded(aws, done.stdout, change_set, tmp_path_factory.mktemp("artifacts"))
    return results


def downloaded(aws: LocalAws, said: str, change_set: dict[str, Any], folder: Path) -> Deployed:
    bucket, key = urlsplit(change_set["TemplateURL"]).path.lstrip("/").split("/", 1)
    template = yaml.load(read_object(aws, bucket, key), Loader=Tolerant)
    result = Deployed(said, change_set, template, folder)
    for kind, name in (("AWS::Serverless::Function", "CodeUri"), ("AWS::Serverless::LayerVersion", "ContentUri")):
        for logical_id, properties in result.of_type(kind).items():
            place = urlsplit(properties[name])
            assert place.scheme == "s3", properties[name]
            archive = zipfile.ZipFile(io.BytesIO(read_object(aws, place.netloc, place.path.lstrip("/"))))
            archive.extractall(folder / logical_id)
    return result


def read_object(aws: LocalAws, bucket: str, key: str) -> bytes:
    content: bytes = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


class Tolerant(yaml.SafeLoader):
    """Reads past CloudFormation's own tags."""


Tolerant.add_multi_constructor("!", lambda _loader, tag, _node: tag)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_readme_says_how_to_deploy_each_stage() -> None:
    assert [stage_of(command) for command in documented("sam deploy")] == list(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_deployed_as_its_own_stack(stage: str, deployed: Mapping[str, Deployed]) -> None:
    change_set = deployed[stage].change_set
    assert change_set["StackName"] == f"sluice-{stage}"
    assert change_set["Capabilities"] == ["CAPABILITY_IAM"]
    assert {"ParameterKey": "Stage", "ParameterValue": stage} in change_set["Parameters"]
    assert f"/{ARTIFACTS_BUCKET}/sluice-{stage}/" in change_set["TemplateURL"]


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


def test_a_stack_is_removed_by_the_documented_command(
    checkout: Path, aws: LocalAws, deployed: Mapping[str, Deployed]
) -> None:
    commands = re.findall(r"`(sam delete[^`]*)`", (ROOT / "docs" / "operations.md").read_text())
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
