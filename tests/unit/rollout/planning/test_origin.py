"""An Approved version serves only if its images, its artifacts and the run it names are trusted."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.model_registry import PackagedContainer, package_from
from sluice.aws.s3 import StoredObject
from sluice.errors import AwsRefusedError
from sluice.rollout.model.artifact import artifact_note, digest_problem
from sluice.rollout.planning.origin import TrustedOrigins, origin_problem
from sluice.spec.model import AllowedOrigin

from functions.open_rollout.app import run as open_rollout
from tests.fakes.aws_state import ARTIFACT, IMAGE, START, TRUSTED
from tests.fakes.sluice_world import (
    GROUP,
    SPEC,
    SluiceWorld,
    approval_of,
    rejection_of,
    sluice_world,
    spec_with_rollout,
)

OWN = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PIPELINE = "sluice-dev-fraud"
RUN = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{PIPELINE}/execution/x"


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def made_of(world: SluiceWorld, image: str = IMAGE, artifact: str = ARTIFACT, **more: Any) -> str:
    """A version that somebody registered and approved."""
    arn = world.registry.add(GROUP, 7)
    container = PackagedContainer(image=image, artifacts=(("ModelDataUrl", artifact),), **more)
    world.registry.packages[arn] = replace(world.registry.packages[arn], containers=(container,))
    return arn


ATTACKS = [
    pytest.param(
        {"artifact": "s3://sluice-dev-data/data/fraud/model.tar.gz"}, "ModelDataUrl .* clients write", id="an upload"
    ),
    pytest.param({"artifact": "s3://sluice-dev-data/async/fraud/input/m.tar.gz"}, "clients write", id="async input"),
    pytest.param({"artifact": "s3://sluice-dev-data/batch/fraud/input/m.tar.gz"}, "clients write", id="batch input"),
    pytest.param({"artifact": "s3://sluice-dev-data/pipelines/../data/m.tar.gz"}, "no object", id="a way around"),
    pytest.param({"artifact": "s3://sluice-dev-data-2/pipelines/m.tar.gz"}, "ArtifactLocations", id="a like bucket"),
    pytest.param({"artifact": "s3://elsewhere/model.tar.gz"}, "ArtifactLocations", id="another bucket"),
    pytest.param({"artifact": "https://elsewhere/model.tar.gz"}, "no object", id="no S3"),
    pytest.param({"image": f"{OWN}/sagemaker-xgboost:3.0-5"}, "Image .* ModelRepositories", id="another account"),
    pytest.param(
        {"image": IMAGE.replace("us-east-1", "eu-west-1")}, "ModelRepositories", id="another region, of an attacker"
    ),
    pytest.param({"image": IMAGE.replace("xgboost:", "xgboost-evil:")}, "ModelRepositories", id="a longer name"),
    pytest.param({"image": "docker.io/library/python:3"}, "no image in an ECR", id="no ECR"),
    pytest.param({"other_sources": ("ModelDataSource",)}, r"Containers\[0\].ModelDataSource", id="more data"),
]


@pytest.mark.parametrize(("made", "told"), ATTACKS)
def test_an_approved_version_of_untrusted_origin_is_told_and_changes_nothing(
    world: SluiceWorld, made: dict[str, Any], told: str
) -> None:
    arn = made_of(world, **made)
    answer = open_rollout(approval_of(arn), world.ports)
    assert "fraud/7 may not serve" in answer["ignored"]
    ((kind, detail),) = world.events.published
    assert (kind, detail["package"]) == ("ApprovalIgnored", arn)
    assert "InferenceSpecification.Containers[0]" in detail["reason"]
    assert re.search(told, detail["reason"])
    assert world.registry.packages[arn].is_approved, "never Rejected silently"
    assert list(world.ports.store.rollouts("fraud")) == []
    open_rollout(approval_of(arn), world.ports)
    assert len(world.events.published) == 1, "once for each approval"


def test_a_version_of_another_models_run_is_told(world: SluiceWorld) -> None:
    arn = made_of(world)
    run = RUN.replace("fraud", "houses")
    world.registry.packages[arn] = replace(world.registry.packages[arn], generated_by=run)
    assert "GeneratedBy" in open_rollout(approval_of(arn), world.ports)["ignored"]


def test_a_version_of_trusted_origin_is_rolled_out(world: SluiceWorld) -> None:
    arn = made_of(world)
    world.registry.packages[arn] = replace(world.registry.packages[arn], generated_by=RUN)
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": "fraud-7-1"}


def test_a_version_that_is_changed_after_its_approval_never_becomes_a_model(world: SluiceWorld) -> None:
    """Between the approval and the model somebody gives the package another image."""
    arn = made_of(world)
    open_rollout(approval_of(arn), world.ports)
    container = replace(world.registry.packages[arn].containers[0], image=f"{OWN}/evil:1")
    world.registry.packages[arn] = replace(world.registry.packages[arn], containers=(container,))
    world.play("fraud-7-1")
    assert "sluice-dev-fraud-7-1-model" not in world.hosting.models
    (told,) = [detail for kind, detail in world.events.published if kind == "RolloutFailed"]
    assert "Containers[0].Image" in told["reason"]


def test_an_artifact_that_was_overwritten_after_its_registration_does_not_serve(world: SluiceWorld) -> None:
    arn = made_of(world, artifact_etag='"0123456789abcdef0123456789abcdef"')
    assert "overwritten" in open_rollout(approval_of(arn), world.ports)["ignored"]


def test_a_version_that_names_no_container_is_told_and_changes_nothing(world: SluiceWorld) -> None:
    """One that was made of an algorithm names that instead."""
    arn = made_of(world)
    world.registry.packages[arn] = replace(world.registry.packages[arn], containers=())
    assert "names no container" in open_rollout(approval_of(arn), world.ports)["ignored"]


@pytest.mark.parametrize(
    "value",
    [
        "s3://sluice-dev-data/batch/fraud/input/code.tar.gz",
        "S3://sluice-dev-data/batch/fraud/input/code.tar.gz",
        '["s3://sluice-dev-data/pipelines/x", "s3://elsewhere/code.tar.gz"]',
    ],
)
def test_code_that_a_container_would_fetch_lies_where_artifacts_lie(world: SluiceWorld, value: str) -> None:
    """https://github.com/aws/sagemaker-containers: what SAGEMAKER_SUBMIT_DIRECTORY names is fetched and run."""
    container = {"Image": IMAGE, "ModelDataUrl": ARTIFACT, "Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": value}}
    arn = registered(world, [container])
    ignored = open_rollout(approval_of(arn), world.ports)["ignored"]
    assert "InferenceSpecification.Containers[0].Environment.SAGEMAKER_SUBMIT_DIRECTORY" in ignored


def test_code_inside_of_the_artifact_or_beside_it_may_be_run(world: SluiceWorld) -> None:
    beside = f"s3://{world.bucket.name}/pipelines/fraud/x/code.tar.gz"
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", "MORE": beside}
    arn = registered(world, [{"Image": IMAGE, "ModelDataUrl": ARTIFACT, "Environment": environment}])
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": "fraud-7-1"}


def registered(world: SluiceWorld, containers: list[dict[str, Any]]) -> str:
    """An approved version as DescribeModelPackage answers."""
    found = {
        "ModelPackageArn": f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/7",
        "ModelApprovalStatus": "Approved",
        "CreationTime": START,
        "InferenceSpecification": {"Containers": containers},
    }
    package = package_from(found)
    world.registry.packages[package.arn] = package
    return package.arn


def two_versions() -> SluiceWorld:
    world = sluice_world(spec_with_rollout())
    for version in (1, 2):
        world.live(version)
        world.clock.pass_seconds(60)
    world.events.published.clear()
    return world


CHANGES: dict[str, dict[str, Any]] = {
    "its artifact was overwritten": {"properties": {"sluice.artifact": "0123 7 v1"}},
    "its package names another place": {
        "containers": (PackagedContainer(image=IMAGE, artifacts=(("ModelDataUrl", "s3://sluice-dev-data/batch/m"),)),)
    },
    "its package names another image": {
        "containers": (PackagedContainer(image=f"{OWN}/evil:1", artifacts=(("ModelDataUrl", ARTIFACT),)),)
    },
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_a_version_that_is_not_what_has_served_does_not_come_back(changes: dict[str, Any]) -> None:
    """A way back makes a new model of its package: without stages, gates and windows it would serve all requests."""
    world = two_versions()
    first = next(iter(world.registry.packages))
    world.registry.packages[first] = replace(world.registry.packages[first], **changes)
    ignored = open_rollout(rejection_of(world, 2), world.ports)["ignored"]
    assert f"{GROUP}/1 may not serve" in ignored
    ((kind, told),) = world.events.published
    assert (kind, told["reason"]) == ("NoWayBack", ignored)


def test_the_version_before_comes_back_instead() -> None:
    world = two_versions()
    world.live(3)
    second = list(world.registry.packages)[1]
    changes = CHANGES["its package names another place"]
    world.registry.packages[second] = replace(world.registry.packages[second], **changes)
    assert open_rollout(rejection_of(world, 3), world.ports) == {"rollout": "fraud-1-2"}


def test_a_version_that_is_changed_while_it_comes_back_never_becomes_a_model() -> None:
    world = two_versions()
    assert open_rollout(rejection_of(world, 2), world.ports) == {"rollout": "fraud-1-2"}
    first = next(iter(world.registry.packages))
    changes = CHANGES["its package names another place"]
    world.registry.packages[first] = replace(world.registry.packages[first], **changes)
    assert world.play("fraud-1-2") == "RolledBack"
    assert "sluice-dev-fraud-1-2-model" not in world.hosting.models


def test_a_version_comes_back_although_its_spec_was_narrowed_since() -> None:
    """The one in its place is known bad."""
    world = two_versions()
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, origin=AllowedOrigin(artifacts=("s3://elsewhere/",)))
    assert open_rollout(rejection_of(world, 2), world.ports) == {"rollout": "fraud-1-2"}
    assert world.play("fraud-1-2") == "Promoted"


def test_an_artifact_that_may_not_be_read_is_told(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lies in a bucket that Sluice may not list: there, S3 answers so for one that is gone."""
    trusted = TrustedOrigins.parse(world.bucket.name, ",".join(TRUSTED.images), "arn:aws:s3:::own/*")
    ports = replace(world.ports, trusted=trusted)
    denied = AwsRefusedError("x", code="403", message="Forbidden", operation="HeadObject", response={})

    def head(_uri: str) -> StoredObject:
        raise denied

    monkeypatch.setattr(world.bucket, "head", head)
    arn = made_of(world, artifact="s3://own/model.tar.gz")
    assert "is gone, or Sluice may not read it" in open_rollout(approval_of(arn), ports)["ignored"]
    own = made_of(world)
    with pytest.raises(AwsRefusedError):  # the role may be new
        open_rollout(approval_of(own), ports)


def test_the_digest_is_the_registrys_and_the_note_of_the_run() -> None:
    now = StoredObject(size=7, written_at=START, etag="aa", version_id="v1")
    container = PackagedContainer(image=IMAGE, artifacts=(), artifact_etag='"aa"')
    assert digest_problem(container, "s3://b/k", artifact_note(now), now) == ""
    assert digest_problem(container, "s3://b/k", "", now) == "", "what was never recorded is not compared"
    assert "overwritten" in digest_problem(container, "s3://b/k", "aa seven", now), (
        "a note that anybody may have written"
    )
    assert "overwritten" in digest_problem(container, "s3://b/k", artifact_note(replace(now, size=8)), now)
    assert "overwritten" in digest_problem(replace(container, artifact_etag="bb"), "s3://b/k", "", now)
    assert "gone" in digest_problem(container, "s3://b/k", "", None)


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        (AllowedOrigin(), ""),
        (AllowedOrigin(images=(IMAGE,)), ""),
        (AllowedOrigin(images=(IMAGE.partition(":")[0],)), ""),
        (AllowedOrigin(images=(IMAGE.replace("3.0-5", "1.7-1"),)), "origin.images"),
        (AllowedOrigin(artifacts=("s3://sluice-dev-data/pipelines/fraud/",)), ""),
        (AllowedOrigin(artifacts=("s3://sluice-dev-data/pipelines/houses/",)), "origin.artifacts"),
    ],
)
def test_a_spec_narrows_what_the_stack_trusts(world: SluiceWorld, own: AllowedOrigin, refused: str) -> None:
    package = world.registry.packages[made_of(world)]
    problem = origin_problem(package, PIPELINE, TRUSTED, own)
    assert (refused in problem) if refused else (problem == "")


def test_a_stack_trusts_repositories_and_places_of_the_users_own(world: SluiceWorld) -> None:
    arns = f"{TRUSTED.images[0]},arn:aws:ecr:us-east-1:123456789012:repository/fraud-*,"
    trusted = TrustedOrigins.parse("sluice-dev-data", arns, "arn:aws:s3:::models/fraud/*")
    digest = f"@sha256:{'a' * 64}"
    package = world.registry.packages[
        made_of(world, image=f"{OWN}/fraud-serving:7{digest}", artifact="s3://models/fraud/7/model.tar.gz")
    ]
    assert origin_problem(package, PIPELINE, trusted, AllowedOrigin()) == ""
    assert "spec's origin.images" in origin_problem(
        package, PIPELINE, trusted, AllowedOrigin(images=(f"{OWN}/fraud-serving:7",))
    )
    assert origin_problem(package, PIPELINE, trusted, AllowedOrigin(images=(f"{OWN}/fraud-serving",))) == ""


def test_the_shipped_spec_narrows_nothing() -> None:
    assert SPEC.origin == AllowedOrigin()
