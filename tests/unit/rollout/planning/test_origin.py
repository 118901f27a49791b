"""An Approved version serves only if its images, its artifacts and the run it names are trusted."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.model_registry import PackagedContainer
from sluice.aws.s3 import StoredObject
from sluice.rollout.model.artifact import artifact_note, digest_problem
from sluice.rollout.planning.origin import TrustedOrigins, origin_problem
from sluice.spec.model import AllowedOrigin

from functions.open_rollout.app import run as open_rollout
from tests.fakes.aws_state import ARTIFACT, IMAGE, START, TRUSTED
from tests.fakes.sluice_world import GROUP, SPEC, SluiceWorld, approval_of, sluice_world

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


def test_the_digest_is_the_registrys_and_the_note_of_the_run() -> None:
    now = StoredObject(size=7, written_at=START, etag="aa", version_id="v1")
    container = PackagedContainer(image=IMAGE, artifacts=(), artifact_etag='"aa"')
    assert digest_problem(container, "s3://b/k", artifact_note(now), now) == ""
    assert digest_problem(container, "s3://b/k", "", now) == "", "what was never recorded is not compared"
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
