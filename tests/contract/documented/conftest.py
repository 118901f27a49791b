"""One local AWS and one checkout for all that is deployed by the commands of the README."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from localaws.local_aws import LocalAws
from localaws.tests.interpreters import INTERPRETERS
from tests.builders.documented_commands import ROOT, documented, stage_of, typed

SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers", "statemachines")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What one command line left behind."""

    said: str
    stack: dict[str, Any]  # as CloudFormation describes it
    template: dict[str, Any]  # as uploaded
    folder: Path  # each function's and layer's zip, unpacked into a folder of its logical id

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each resource of this type, with those of the template's Globals."""
        shared = self.template["Globals"].get(kind.rsplit("::", 1)[1], {})
        resources = self.template["Resources"].items()
        return {name: {**shared, **item["Properties"]} for name, item in resources if item["Type"] == kind}


@pytest.fixture(scope="package")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads: ``sam build`` empties .aws-sam/build, from which other tests may be reading."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="package")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), INTERPRETERS) as local:
        yield local


@pytest.fixture(scope="package")
def deployed(checkout: Path, aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Deployed]:
    """What the README's command lines deploy, by stage."""
    results = {}
    for command in documented("sam deploy"):
        done = typed(command, checkout, aws, answers="y\n")
        assert done.returncode == 0, done.stdout
        folder = tmp_path_factory.mktemp("artifacts")
        results[stage_of(command)] = downloaded(aws, done.stdout, f"sluice-{stage_of(command)}", folder)
    return results


def downloaded(aws: LocalAws, said: str, name: str, folder: Path) -> Deployed:
    client = aws.client("cloudformation")
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    template = yaml.load(client.get_template(StackName=name)["TemplateBody"], Loader=Tolerant)
    result = Deployed(said, stack, template, folder)
    for kind, property_name in (
        ("AWS::Serverless::Function", "CodeUri"),
        ("AWS::Serverless::LayerVersion", "ContentUri"),
    ):
        for logical_id, properties in result.of_type(kind).items():
            place = urlsplit(properties[property_name])
            assert place.scheme == "s3", properties[property_name]
            content = aws.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
            zipfile.ZipFile(io.BytesIO(content)).extractall(folder / logical_id)
    return result


class Tolerant(yaml.SafeLoader):
    """Reads past CloudFormation's own tags."""


Tolerant.add_multi_constructor("!", lambda _loader, tag, _node: tag)
