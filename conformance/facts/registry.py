"""What the Model Registry keeps, answers and announces."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from conformance.account import Account, refusal
from conformance.events import Queue, listen
from conformance.fact import Fact, Observation, confirmed_if, still_open


def event_on_registration(account: Account) -> Observation:
    """Register a version that waits for approval."""
    queue = _listening(account)
    arn = _registered(account, queue)
    event = queue.first(lambda body: body["detail"].get("ModelPackageArn") == arn)
    return confirmed_if(event is not None, "an event came" if event else "no event came")


def approval_event(account: Account) -> Observation:
    """Approve a version with a description."""
    queue = _listening(account)
    arn = _registered(account, queue)
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looks right"
    )
    approved = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    event = queue.first(lambda body: approved.items() <= body["detail"].items(), is_certain=True)
    if event is None:
        return still_open("no event with the new status came")
    detail = event["detail"]
    group, fields = detail.get("ModelPackageGroupName"), detail.get("UpdatedModelPackageFields")
    seen = f"ModelPackageGroupName {group!r}, UpdatedModelPackageFields {fields}"
    seen += f", ApprovalDescription {detail.get('ApprovalDescription')!r}"
    return confirmed_if(group == account.name("group") and "ModelApprovalStatus" in (fields or ()), seen)


def metadata_is_merged(account: Account) -> Observation:
    """Set one property, then another."""
    sagemaker, arn = account.client("sagemaker"), _registered(account, None)
    for name in ("first", "second"):
        sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={name: "1"})
    found: Mapping[str, str] = sagemaker.describe_model_package(ModelPackageName=arn).get(
        "CustomerMetadataProperties", {}
    )
    return confirmed_if(set(found) == {"first", "second"}, f"after setting first and second: {sorted(found)}")


def unversioned_by_default(account: Account) -> Observation:
    """List packages without a type, in an account that has a versioned one."""
    sagemaker, arn = account.client("sagemaker"), _registered(account, None)

    def listed(**more: Any) -> bool:
        pages = sagemaker.get_paginator("list_model_packages").paginate(NameContains=account.name("group"), **more)
        return any(each["ModelPackageArn"] == arn for page in pages for each in page["ModelPackageSummaryList"])

    by_default, asked = listed(), listed(ModelPackageType="Both")
    seen = f"the versioned package is {'' if by_default else 'not '}listed without a type"
    seen += f" and {'' if asked else 'not '}with Both"
    return confirmed_if(asked and not by_default, seen)


def unknown_package(account: Account) -> Observation:
    """Describe a version of a group that exists, and one of a group that does not."""
    sagemaker, arn = account.client("sagemaker"), _registered(account, None)
    missing = [f"{arn.rpartition('/')[0]}/999", f"{arn.rpartition('/')[0]}-none/1"]
    describe = sagemaker.describe_model_package
    errors = [refusal(partial(describe, ModelPackageName=name)) for name in missing]
    codes = [error.response["Error"]["Code"] if error else "no error" for error in errors]
    return confirmed_if(set(codes) == {"ValidationException"}, "; ".join(map(str, errors)))


def unknown_group(account: Account) -> Observation:
    """List the versions of a group that does not exist."""
    sagemaker = account.client("sagemaker")
    name = account.name("no-such-group")
    error = refusal(lambda: sagemaker.list_model_packages(ModelPackageGroupName=name))
    code = error.response["Error"]["Code"] if error else "no error"
    return confirmed_if(code in ("ValidationException", "ResourceNotFound"), str(error or "an empty list"))


def _listening(account: Account) -> Queue:
    """A queue that gets the events of the group of this run."""
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [account.name("group")]},
    }
    return account.shared("registry-events", lambda: listen(account, "registry", pattern))


def environment_beside_a_package(account: Account) -> Observation:
    """Make a model of a version whose container has an environment, with an environment beside it."""
    sagemaker, name = account.client("sagemaker"), account.name("surrounded")
    arn = _registered(account, None, Environment={"OWN": "1"})
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    container = {"ModelPackageName": arn, "Environment": {"OWN": "1", "MORE": "2"}}
    role = account.role()
    account.undo(f"model {name}", lambda: sagemaker.delete_model(ModelName=name))
    error = refusal(lambda: sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role))
    return confirmed_if(error is None, f"refused: {error}" if error else "it was accepted")


def _registered(account: Account, _listener: Queue | None, **container: Any) -> str:
    """ARN of a new version; the listener is an argument because it has to be there before."""
    sagemaker, group = account.client("sagemaker"), account.shared("group", lambda: _group(account))
    uri = f"s3://{account.bucket()}/model.tar.gz"
    account.client("s3").put_object(Bucket=account.bucket(), Key="model.tar.gz", Body=b"not read")
    made = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": account.image, "ModelDataUrl": uri, **container}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    arn = str(made["ModelPackageArn"])
    account.undo(f"model package {arn}", lambda: sagemaker.delete_model_package(ModelPackageName=arn))
    return arn


def _group(account: Account) -> str:
    sagemaker, name = account.client("sagemaker"), account.name("group")
    account.undo(f"package group {name}", lambda: sagemaker.delete_model_package_group(ModelPackageGroupName=name))
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


FACTS = (
    Fact(
        name="event-on-registration",
        statement="A newly registered version has its event.",
        matters="announce_pending_version tells people by it; the sweep finds versions without it.",
        check=event_on_registration,
    ),
    Fact(
        name="approval-event",
        statement="The event of an approval names the group, and ModelApprovalStatus among the changed fields.",
        matters="open_rollout acts if the field is named or no fields are; the sweep finds approvals without an event.",
        check=approval_event,
    ),
    Fact(
        name="metadata-is-merged",
        statement="UpdateModelPackage merges CustomerMetadataProperties with those that are there.",
        matters="The registry notes of a rollout are written one after the other.",
        check=metadata_is_merged,
    ),
    Fact(
        name="environment-beside-a-package",
        statement="CreateModel takes an environment beside that of the model package (until 2023 it refused both).",
        matters="The time that a container gives a request is set so; refused, a model has its package's environment.",
        check=environment_beside_a_package,
    ),
    Fact(
        name="unversioned-by-default",
        statement="ListModelPackages without a type or group answers unversioned packages only.",
        matters="Sluice always names the group.",
        check=unversioned_by_default,
    ),
    Fact(
        name="unknown-package",
        statement="DescribeModelPackage of an unknown version is a ValidationException.",
        matters="A deleted version is told apart from a refusal by it.",
        check=unknown_package,
    ),
    Fact(
        name="unknown-group",
        statement="ListModelPackages of an unknown group is a ValidationException or ResourceNotFound.",
        matters="A model without versions is told apart from a failure by it.",
        check=unknown_group,
    ),
)
