"""Model packages: what creating and updating makes of them, and what the event says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.registry.packages import event_detail, merged_metadata, new_package, updated_package
from localaws.services.sagemaker.resources.constraints import check

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/spend"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/spend/7"


def package(**request: Any) -> dict[str, Any]:
    return new_package(request, group_arn=GROUP, version=7, now=NOON, author={})


def test_a_new_version_waits_for_approval() -> None:
    made = package()
    assert (made["ModelPackageArn"], made["ModelApprovalStatus"]) == (ARN, "PendingManualApproval")


def test_a_version_may_be_born_approved() -> None:
    assert package(ModelApprovalStatus="Approved")["ModelApprovalStatus"] == "Approved"


def test_an_update_leaves_what_it_does_not_mention() -> None:
    made = package(CustomerMetadataProperties={"a": "1"})
    approved, _ = updated_package(
        made, {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"}, now=LATER, author={}
    )
    after, changed = updated_package(approved, {"CustomerMetadataProperties": {"b": "2"}}, now=LATER, author={})
    assert after["ModelApprovalStatus"] == "Approved"
    assert after["ApprovalDescription"] == "fine"
    assert after["CustomerMetadataProperties"] == {"a": "1", "b": "2"}
    assert changed == ["CustomerMetadataProperties"]


def test_the_event_names_what_was_updated() -> None:
    request = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine", "SourceUri": "s3://b/k"}
    after, changed = updated_package(package(), request, now=LATER, author={})
    detail = event_detail(after, changed)
    assert detail["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription", "sourceUri"]
    assert detail["ModelApprovalStatus"] == "Approved"
    assert (detail["CreationTime"], detail["LastModifiedTime"]) == ("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z")
    assert "ApprovalDescription" not in detail


def test_the_event_of_a_new_version_names_no_updates() -> None:
    assert "UpdatedModelPackageFields" not in event_detail(package(), None)


def test_metadata_is_merged_then_removed() -> None:
    assert merged_metadata({"a": "1", "b": "2"}, {"b": "3", "c": "4"}, ["a"]) == {"b": "3", "c": "4"}


def test_metadata_has_at_most_50_pairs() -> None:
    with pytest.raises(AwsError, match="at most 50"):
        merged_metadata({str(n): "x" for n in range(50)}, {"one more": "x"}, [])


@pytest.mark.parametrize(
    ("request_part", "named"),
    [
        ({"CustomerMetadataProperties": {"key": '{"json": 1}'}}, "customerMetadataProperties.key"),
        ({"CustomerMetadataProperties": {"key": "a,b"}}, "customerMetadataProperties.key"),
        ({"CustomerMetadataProperties": {"key": "x" * 257}}, "256"),
        ({"CustomerMetadataProperties": {"k" * 129: "x"}}, "128"),
        ({"ApprovalDescription": "x" * 1025}, "1024"),
        ({"ModelApprovalStatus": "Yes"}, "enum"),
        ({"ClientToken": "x" * 37}, "36"),
    ],
)
def test_limits_of_an_update(request_part: dict[str, Any], named: str) -> None:
    with pytest.raises(AwsError, match=named):
        check("UpdateModelPackage", {"ModelPackageArn": ARN, **request_part})


def test_metadata_may_hold_what_aws_allows() -> None:
    check(
        "UpdateModelPackage", {"ModelPackageArn": ARN, "CustomerMetadataProperties": {"Größe 1": "a/b:c=d+e-f@g.h_i"}}
    )
