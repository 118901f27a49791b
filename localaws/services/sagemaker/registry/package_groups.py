"""Model package groups, and the version numbers they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.quotas import Quotas
from localaws.service_api import invalid, quota_exceeded
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page

Group = dict[str, Any]  # as DescribeModelPackageGroup returns it

_ORDER = Order(
    keys={
        "Name": lambda group: group["ModelPackageGroupName"],
        "CreationTime": lambda group: group["CreationTime"],
    },
    default="CreationTime",
)


class Groups:
    """Holds the groups; not thread-safe by itself, the registry guards it with its lock."""

    def __init__(self, region: str, account: str, quotas: Quotas) -> None:
        self._quotas = quotas
        self._prefix = f"arn:aws:sagemaker:{region}:{account}:model-package-group/"
        self._groups: dict[str, Group] = {}
        self._last_versions: dict[str, int] = {}

    def arn(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def refuse_existing(self, name: str) -> None:
        """Raise when ``name`` is taken or the quota is used up."""
        if name in self._groups:
            raise invalid(f"Model Package Group already exists: {self.arn(name)}")
        count, most = len(self._groups), self._quotas.package_groups
        if count >= most:
            raise quota_exceeded("Model package groups", most, count, 1, "ModelPackageGroups")

    def add(self, name: str, described: Mapping[str, Any]) -> None:
        self.refuse_existing(name)
        self._groups[name] = {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": self.arn(name),
            "ModelPackageGroupStatus": "Completed",
            **described,
        }

    def find(self, name_or_arn: str) -> Group:
        """The group of that name or ARN; raises ValidationException when there is none."""
        name = name_or_arn.rsplit("/", 1)[-1]
        group = self._groups.get(name)
        if group is None or name_or_arn not in (name, group["ModelPackageGroupArn"]):
            raise invalid(f"Model Package Group {self.arn(name)} does not exist.")
        return group

    def remove(self, name: str) -> None:
        del self._groups[name]

    def take_version(self, name: str) -> int:
        """The next version number of a group; never given twice, even after deletions."""
        self._last_versions[name] = self._last_versions.get(name, 0) + 1
        return self._last_versions[name]

    def page(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of ListModelPackageGroups."""
        found = [
            group
            for group in self._groups.values()
            if (params.get("NameContains") or "") in group["ModelPackageGroupName"]
            and in_time(group, "CreationTime", params, "CreationTime")
        ]
        page, token = sorted_page(found, params, _ORDER)
        return {"ModelPackageGroupSummaryList": [dict(group) for group in page], **token}
