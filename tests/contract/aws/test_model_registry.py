"""The fake registry and the adapter on the local AWS's Model Registry keep the same promises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest
from sluice.aws.model_registry import DESCRIPTION_MAX, ModelRegistry

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import BUCKET, Stage
from tests.builders.aws_clients import translating
from tests.fakes.aws_state import Clock, FakeRegistry, Faults

GROUP = "sluice-dev-registry"


@dataclass(frozen=True)
class Shelf:
    """A registry, how a version comes into it, and how time goes on."""

    registry: ModelRegistry
    add: Callable[[str], str]  # approval status -> ARN
    pass_time: Callable[[], None]


def fake() -> Shelf:
    clock = Clock()
    registry = FakeRegistry(Faults(), clock)

    def add(approval: str) -> str:
        return registry.add(GROUP, len(registry.packages) + 1, approval)

    return Shelf(cast(ModelRegistry, registry), add, lambda: clock.pass_seconds(1))


def real(stage: Stage) -> Shelf:
    stage.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/low.tar.gz"}

    def add(approval: str) -> str:
        made = stage.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus=approval,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        return str(made["ModelPackageArn"])

    # Times come with milliseconds over the wire: this is what tells two changes apart.
    return Shelf(ModelRegistry(translating(stage.sagemaker)), add, lambda: time.sleep(0.01))


@pytest.fixture(scope="module", params=["fake", "local AWS"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return fake() if request.param == "fake" else real(request.getfixturevalue("stage"))


def test_a_version_is_described_as_it_is(shelf: Shelf) -> None:
    first, second = shelf.add("Approved"), shelf.add("PendingManualApproval")
    found, other = shelf.registry.describe(first), shelf.registry.describe(second)
    assert (found.arn, found.group, found.is_approved, found.description) == (first, GROUP, True, "")
    assert (other.approval, other.is_approved) == ("PendingManualApproval", False)
    assert other.version == found.version + 1
    assert found.last_modified.tzinfo is not None


def test_the_approved_versions_are_listed_by_their_numbers(shelf: Shelf) -> None:
    before = shelf.registry.approved(GROUP)
    first, waiting, second = (shelf.add(each) for each in ("Approved", "PendingManualApproval", "Approved"))
    found = shelf.registry.approved(GROUP)
    new = {version: arn for version, arn in found.items() if version not in before}
    numbers = {arn: shelf.registry.describe(arn).version for arn in (first, second)}
    assert new == {numbers[second]: second, numbers[first]: first}
    assert list(new) == sorted(new, reverse=True), "those registered last first"
    assert waiting not in found.values()


def test_a_group_that_does_not_exist_has_no_approved_versions(shelf: Shelf) -> None:
    assert shelf.registry.approved("sluice-dev-nobody") == {}


def test_a_rejection_is_written_once(shelf: Shelf) -> None:
    arn = shelf.add("Approved")
    before = shelf.registry.describe(arn)
    shelf.pass_time()
    shelf.registry.reject(arn, "fails\ntoo   often")
    rejected = shelf.registry.describe(arn)
    assert (rejected.approval, rejected.description) == ("Rejected", "fails too often")
    assert rejected.last_modified > before.last_modified
    shelf.pass_time()
    shelf.registry.reject(arn, "fails too often")
    assert shelf.registry.describe(arn) == rejected
    shelf.registry.reject(arn, "x" * 2 * DESCRIPTION_MAX)
    assert shelf.registry.describe(arn).description == "x" * DESCRIPTION_MAX


def test_a_version_that_was_approved_since_is_not_rejected(shelf: Shelf) -> None:
    arn = shelf.add("Approved")
    approved = shelf.registry.describe(arn)
    since = approved.last_modified
    assert not shelf.registry.reject(arn, "why", unless_approved_since=since - timedelta(seconds=1))
    assert shelf.registry.describe(arn) == approved
    shelf.pass_time()
    assert shelf.registry.reject(arn, "why", unless_approved_since=since)
    assert shelf.registry.reject(arn, "why", unless_approved_since=since - timedelta(seconds=1)), "it is so already"
    assert shelf.registry.describe(arn).approval == "Rejected"


def test_notes_gather_and_leave_the_approval_alone(shelf: Shelf) -> None:
    arn = shelf.add("Approved")
    before = shelf.registry.describe(arn)
    shelf.pass_time()
    shelf.registry.annotate(arn, {"sluice.rollout": "fraud-7-1"})
    shelf.registry.annotate(arn, {"sluice.endpoint": "sluice-dev-fraud", "sluice.rollout": "fraud-7-2"})
    after = shelf.registry.describe(arn)
    assert after.properties == {"sluice.rollout": "fraud-7-2", "sluice.endpoint": "sluice-dev-fraud"}
    assert after.approval == "Approved"
    assert after.last_modified > before.last_modified, "a note counts as a change: openers must not be fooled by it"


def test_a_version_that_is_deleted_is_not_approved_and_takes_no_note(shelf: Shelf) -> None:
    arn = shelf.add("Approved").rsplit("/", 1)[0] + "/999"
    shelf.registry.reject(arn, "why")
    shelf.registry.annotate(arn, {"a": "b"})
    found = shelf.registry.describe(arn)
    assert (found.arn, found.group, found.version) == (arn, GROUP, 999)
    assert (found.is_deleted, found.is_approved, found.is_complete, found.has_failed) == (True, False, False, False)
    assert found.last_modified.tzinfo is not None
