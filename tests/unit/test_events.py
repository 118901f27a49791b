"""Events of AWS as they come: fields that are sometimes missing, null, or of another type than one would think."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sluice.events import AlarmStateChanged, ExecutionEnded, ObjectCreated, PackageChanged

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"


def package(**detail: Any) -> PackageChanged:
    return PackageChanged.parse({"detail": {"ModelPackageArn": ARN, **detail}})


@pytest.mark.parametrize(
    ("detail", "may_be"),
    [
        pytest.param(
            {"UpdatedModelPackageFields": ["ModelApprovalStatus", "ApprovalDescription"]}, True, id="approved"
        ),
        pytest.param({}, True, id="older events do not say what changed"),
        pytest.param({"UpdatedModelPackageFields": None}, True, id="null is as good as missing"),
        pytest.param({"UpdatedModelPackageFields": []}, False, id="nothing changed"),
        pytest.param({"UpdatedModelPackageFields": ["CustomerMetadataProperties"]}, False, id="our own note"),
        pytest.param({"UpdatedModelPackageFields": ["ModelLifeCycle"]}, False, id="life cycle"),
    ],
)
def test_what_may_be_an_approval(detail: dict[str, Any], may_be: bool) -> None:
    assert package(ModelApprovalStatus="Approved", **detail).may_be_approval is may_be
    assert not package(ModelApprovalStatus="PendingManualApproval", **detail).may_be_approval
    assert not package(**detail).may_be_approval


def test_an_alarm_without_a_reason() -> None:
    assert AlarmStateChanged.parse({"detail": {"alarmName": "a", "state": {"value": "ALARM"}}}) == AlarmStateChanged(
        name="a", state="ALARM", reason=""
    )


COMPOSITE = '{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:1:alarm:orders: too few"}]}'


@pytest.mark.parametrize(
    ("reason_data", "names"),
    [
        pytest.param(COMPOSITE, ("orders: too few",), id="composite"),
        pytest.param('{"triggeringAlarms":[]}', (), id="composite, at its creation"),
        pytest.param('{"version":"1.0","period":60}', (), id="metric alarm"),
        pytest.param("", (), id="nothing"),
        pytest.param("by hand", (), id="no JSON"),
        pytest.param('{"triggeringAlarms":[{"arn":"orders"}]}', (), id="no ARN"),
        pytest.param('{"triggeringAlarms":[null]}', (), id="no alarm"),
    ],
)
def test_a_composite_alarm_says_which_alarm_it_follows(reason_data: str, names: tuple[str, ...]) -> None:
    state = {"value": "ALARM", "reasonData": reason_data}
    assert AlarmStateChanged.parse({"detail": {"alarmName": "a", "state": state}}).because_of == names


@pytest.mark.parametrize("nothing", [{}, {"error": None, "cause": None}], ids=["missing", "null"])
def test_an_aborted_execution_has_no_error(nothing: dict[str, Any]) -> None:
    ended = ExecutionEnded.parse({"detail": {"name": "fraud-7-1", "status": "ABORTED", **nothing}})
    assert (ended.error, ended.cause) == ("", "")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            {"key": "a", "size": 5, "version-id": "v", "etag": "e"}, ("a", 5, "v", "e"), id="a versioned bucket"
        ),
        pytest.param({"key": "a", "size": 5, "etag": "e"}, ("a", 5, "", "e"), id="an unversioned bucket"),
        pytest.param({"key": "a", "size": 5.0}, ("a", 5, "", ""), id="numbers may come as floats"),
        pytest.param({"key": "ä b+c%20.csv", "size": 5}, ("ä b+c%20.csv", 5, "", ""), id="the key is not encoded"),
        pytest.param({"key": "a"}, ("a", 0, "", ""), id="no size"),
    ],
)
def test_an_object(found: dict[str, Any], expected: tuple[str, int, str, str]) -> None:
    parsed = ObjectCreated.parse({"detail": {"bucket": {"name": "lake"}, "object": found}})
    assert (parsed.key, parsed.size, parsed.version_id, parsed.etag) == expected


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-03-04T10:15:00Z", datetime(2026, 3, 4, 10, 15, tzinfo=UTC)),
        (1772619300000, datetime(2026, 3, 4, 10, 15, tzinfo=UTC)),
        (1772619300000.0, datetime(2026, 3, 4, 10, 15, tzinfo=UTC)),
        ("1772619300000", datetime(2026, 3, 4, 10, 15, tzinfo=UTC)),
        ("2026-03-04T10:15:00", None),
        ("yesterday", None),
        (10**400, None),
        (["2026"], None),
        (None, None),
    ],
)
def test_the_time_of_a_version_is_read_in_every_form_that_sagemaker_uses_and_never_fails(
    told: object, time: datetime | None
) -> None:
    assert package(ModelApprovalStatus="Approved", LastModifiedTime=told).time == time
