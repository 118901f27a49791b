"""The model registry: model package groups and their versions, with the event of every change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, invalid
from localaws.services.sagemaker.registry import packages
from localaws.services.sagemaker.registry.package_groups import Groups
from localaws.services.sagemaker.registry.packages import ModelPackage
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page
from localaws.services.sagemaker.resources.tags import forget_tags, tag_on_create

_ORDER = Order(
    keys={
        "Name": lambda package: (package["ModelPackageGroupName"], package["ModelPackageVersion"]),
        "CreationTime": lambda package: package["CreationTime"],
    },
    default="CreationTime",
)


class Registry:
    """Versioned packages only; version numbers are never reused.

    A package is Completed as soon as it is made. A test sets ``status_of_new`` to have it Pending or InProgress, and
    ends that with ``move_on``.
    """

    name = "sagemaker"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._groups = Groups(context.region, context.account, context.quotas)
        self._packages: dict[str, ModelPackage] = {}
        self._answered: dict[tuple[str, str], dict[str, Any]] = {}  # (operation, ClientToken) -> answer
        self.status_of_new = "Completed"

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self.describe_group,
            "ListModelPackageGroups": self.list_groups,
            "DeleteModelPackageGroup": self.delete_group,
            "CreateModelPackage": self.create_package,
            "DescribeModelPackage": self.describe_package,
            "BatchDescribeModelPackage": self.batch_describe_packages,
            "ListModelPackages": self.list_packages,
            "UpdateModelPackage": self.update_package,
            "DeleteModelPackage": self.delete_package,
        }

    def create_group(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        check("CreateModelPackageGroup", params)
        name = params["ModelPackageGroupName"]
        arn = self._groups.arn(name)
        with self._lock:
            self._groups.refuse_existing(name)
        tag_on_create(self._context, arn, params.get("Tags"))
        optional = _given(params, "ModelPackageGroupDescription", "ManagedConfiguration")
        with self._lock:
            self._groups.add(name, {"CreationTime": self._context.now(), "CreatedBy": _author(call), **optional})
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("DescribeModelPackageGroup", params)
        with self._lock:
            return dict(self._groups.find(params["ModelPackageGroupName"]))

    def list_groups(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListModelPackageGroups", params)
        with self._lock:
            return self._groups.page(params)

    def delete_group(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("DeleteModelPackageGroup", params)
        with self._lock:
            group = self._groups.find(params["ModelPackageGroupName"])
            name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
            if any(package["ModelPackageGroupName"] == name for package in self._packages.values()):
                raise invalid(f"Model Package Group {arn} cannot be deleted: it still contains Model Packages.")
            self._groups.remove(name)
        forget_tags(self._context, arn)
        return {}

    def create_package(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        check("CreateModelPackage", params)
        if params.get("ModelPackageName") or not params.get("ModelPackageGroupName"):
            raise AwsError(
                "NotImplemented", "only versioned model packages, of a group, are supported by the local AWS", 501
            )
        with self._lock:
            if earlier := self._answered.get(("CreateModelPackage", params.get("ClientToken", ""))):
                return earlier
            group = self._groups.find(params["ModelPackageGroupName"])
            package = packages.new_package(
                params,
                group_arn=group["ModelPackageGroupArn"],
                version=self._groups.take_version(group["ModelPackageGroupName"]),
                now=self._context.now(),
                author=_author(call),
                status=self.status_of_new,
            )
            self._packages[package["ModelPackageArn"]] = package
            answer = self._remember("CreateModelPackage", params, package)
        self._announce(package, None)
        return answer

    def move_on(self, arn: str, status: str, failure: str = "", *, announced: bool = True) -> None:
        """Let a package that is Pending or InProgress go on to ``status``, as its own work does on AWS.

        ``announced``: whether there is an event. AWS says that its event "indicates a change in the state" of a
        package, and emits its events with best effort; no source shows the event of this change.
        """
        with self._lock:
            package = packages.with_status(self._package(arn), status, failure, now=self._context.now())
            self._packages[arn] = package
        if announced:
            self._announce(package, None)

    def describe_package(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        with self._lock:
            return dict(self._package(params["ModelPackageName"]))

    def batch_describe_packages(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("BatchDescribeModelPackage", params)
        found: dict[str, Any] = {}
        missing: dict[str, Any] = {}
        with self._lock:
            for arn in params["ModelPackageArnList"]:
                if arn in self._packages:
                    found[arn] = self._packages[arn]
                else:
                    missing[arn] = {
                        "ErrorCode": "ValidationException",
                        "ErrorResponse": _missing(arn).message,
                    }
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": missing}

    def list_packages(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Versions, unless unversioned packages are asked for: which they are by default when no group is named.

        "UNVERSIONED: List only unversioned models. This is the default value if no ModelPackageType is specified"
        (service model). There are none here. Lists of a group without a type have its versions, as clients see them.
        """
        check("ListModelPackages", params)
        usual = "Versioned" if params.get("ModelPackageGroupName") else "Unversioned"
        if (params.get("ModelPackageType") or usual) == "Unversioned":
            return {"ModelPackageSummaryList": []}
        with self._lock:
            group = params.get("ModelPackageGroupName")
            name = self._groups.find(group)["ModelPackageGroupName"] if group else None
            found = [
                package
                for package in self._packages.values()
                if name in (None, package["ModelPackageGroupName"])
                and params.get("ModelApprovalStatus") in (None, package["ModelApprovalStatus"])
                and (params.get("NameContains") or "") in package["ModelPackageGroupName"]
                and in_time(package, "CreationTime", params, "CreationTime")
            ]
        page, token = sorted_page(found, params, _ORDER)
        return {"ModelPackageSummaryList": [packages.summary(package) for package in page], **token}

    def update_package(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        check("UpdateModelPackage", params)
        with self._lock:
            if earlier := self._answered.get(("UpdateModelPackage", params.get("ClientToken", ""))):
                return earlier
            found = self._package(params["ModelPackageArn"])
            if found["ModelPackageStatus"] == "Failed" and not self._context.choices.failed_package_takes_updates:
                raise invalid(f"Cannot update model package {found['ModelPackageArn']}: its status is Failed.")
            package, changed = packages.updated_package(found, params, now=self._context.now(), author=_author(call))
            self._packages[package["ModelPackageArn"]] = package
            answer = self._remember("UpdateModelPackage", params, package)
        self._announce(package, changed)
        return answer

    def delete_package(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        with self._lock:
            arn = self._package(params["ModelPackageName"])["ModelPackageArn"]
            del self._packages[arn]
        forget_tags(self._context, arn)
        return {}

    def _remember(self, operation: str, params: dict[str, Any], package: ModelPackage) -> dict[str, Any]:
        answer = {"ModelPackageArn": package["ModelPackageArn"]}
        if params.get("ClientToken"):
            self._answered[operation, params["ClientToken"]] = answer
        return answer

    def _announce(self, package: ModelPackage, changed: list[str] | None) -> None:
        self._context.bus.put(
            source="aws.sagemaker",
            detail_type="SageMaker Model Package State Change",
            detail=packages.event_detail(package, changed),
            resources=[package["ModelPackageArn"]],
        )

    def _package(self, name_or_arn: str) -> ModelPackage:
        package = self._packages.get(name_or_arn)
        if package is None:
            raise _missing(name_or_arn)
        return package


def _missing(arn: str) -> AwsError:
    return invalid(f"ModelPackage {arn} does not exist.")


def _author(call: Call) -> dict[str, Any]:
    return {"IamIdentity": {"Arn": call.principal}} if call.principal else {}


def _given(params: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    return {field: params[field] for field in fields if params.get(field) is not None}
