"""Roles and policies.

What an update replaces is each type's ``createOnlyProperties`` in the CloudFormation registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, made_before
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.resources.tags import tag_changes, tag_list
from localaws.services.cloudformation.template.errors import PropertyError

_MOST_VERSIONS = 5  # of a managed policy, the default one included
_HOUR = 3600


def create_role(creation: Creation) -> Made:
    _refuse_boundary(creation)
    name = creation.name_from("RoleName", longest=64)
    trust = document(creation.need("AssumeRolePolicyDocument"))
    inline, attached = creation.take("Policies", []), creation.take("ManagedPolicyArns", [])
    tags = creation.tags()
    params = {"RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tags, **creation.rest()}
    role = creation.call("iam", "CreateRole", params)["Role"]
    creation.exists_as(name)
    for policy in inline:
        _put_role_policy(creation, name, policy["PolicyName"], policy["PolicyDocument"])
    for arn in attached:
        creation.call("iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": arn})
    return Made(physical_id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


def update_role(creation: Creation, deployed: DeployedResource) -> Made:
    """Rights are added before others are taken away, so that a role in use loses none in between."""
    _refuse_boundary(creation)
    name = deployed.physical_id
    trust = document(creation.need("AssumeRolePolicyDocument"))
    creation.call("iam", "UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": trust})
    description, session_seconds = creation.take("Description", ""), creation.take("MaxSessionDuration", _HOUR)
    about = {"RoleName": name, "Description": description, "MaxSessionDuration": session_seconds}
    creation.call("iam", "UpdateRole", about)
    _update_inline_policies(creation, deployed, name)
    before, after = set(deployed.properties.get("ManagedPolicyArns", [])), creation.take("ManagedPolicyArns", [])
    for arn in after:
        creation.call("iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": arn})
    for arn in sorted(before - set(after)):
        creation.call_unless_gone("iam", "DetachRolePolicy", {"RoleName": name, "PolicyArn": arn})
    tags, gone = tag_changes(deployed.properties.get("Tags"), creation.take("Tags"))
    if tags:
        creation.call("iam", "TagRole", {"RoleName": name, "Tags": tag_list(tags)})
    if gone:
        creation.call("iam", "UntagRole", {"RoleName": name, "TagKeys": gone})
    return made_before(deployed)


def _refuse_boundary(creation: Creation) -> None:
    """A boundary that nobody evaluates would make a role look safer than it is."""
    if creation.take("PermissionsBoundary") is not None:
        raise PropertyError("PermissionsBoundary", "is not supported: boundaries are not evaluated")


def _update_inline_policies(creation: Creation, deployed: DeployedResource, role: str) -> None:
    after = {policy["PolicyName"]: policy["PolicyDocument"] for policy in creation.take("Policies", [])}
    for policy_name, policy in after.items():
        _put_role_policy(creation, role, policy_name, policy)
    for policy in deployed.properties.get("Policies", []):
        if policy["PolicyName"] not in after:
            _delete_role_policy(creation, role, policy["PolicyName"])


def delete_role(creation: Creation, deployed: DeployedResource) -> None:
    """Takes the template's own policies off it; with those of others IAM refuses to delete it."""
    name = deployed.physical_id
    for arn in deployed.properties.get("ManagedPolicyArns", []):
        creation.call_unless_gone("iam", "DetachRolePolicy", {"RoleName": name, "PolicyArn": arn})
    for policy in deployed.properties.get("Policies", []):
        _delete_role_policy(creation, name, policy["PolicyName"])
    creation.call_unless_gone("iam", "DeleteRole", {"RoleName": name})


def create_policy(creation: Creation) -> Made:
    """An inline policy of several roles."""
    _write_policy(creation)
    return Made(physical_id=creation.generated_id())


def update_policy(creation: Creation, deployed: DeployedResource) -> Made:
    name, roles = _write_policy(creation)
    for role in deployed.properties.get("Roles", []):
        before = deployed.properties["PolicyName"]
        if before != name or role not in roles:
            _delete_role_policy(creation, role, before)
    return made_before(deployed)


def _write_policy(creation: Creation) -> tuple[str, list[str]]:
    name, policy, roles = creation.need("PolicyName"), creation.need("PolicyDocument"), creation.take("Roles", [])
    for role in roles:
        _put_role_policy(creation, role, name, policy)
    return name, roles


def delete_policy(creation: Creation, deployed: DeployedResource) -> None:
    for role in deployed.properties.get("Roles", []):
        _delete_role_policy(creation, role, deployed.properties["PolicyName"])


def create_role_policy(creation: Creation) -> Made:
    """An inline policy of one role, written as a resource of its own."""
    name, role = creation.need("PolicyName"), creation.need("RoleName")
    identifier = f"{name}|{role}"
    creation.refuse_existing(identifier, "iam", "GetRolePolicy", {"RoleName": role, "PolicyName": name})
    _put_role_policy(creation, role, name, creation.need("PolicyDocument"))
    return Made(physical_id=identifier)


def update_role_policy(creation: Creation, deployed: DeployedResource) -> Made:
    name, role = creation.need("PolicyName"), creation.need("RoleName")
    _put_role_policy(creation, role, name, creation.need("PolicyDocument"))
    return made_before(deployed)


def delete_role_policy(creation: Creation, deployed: DeployedResource) -> None:
    _delete_role_policy(creation, deployed.properties["RoleName"], deployed.properties["PolicyName"])


def _put_role_policy(creation: Creation, role: str, name: str, policy: Mapping[str, Any]) -> None:
    # SAM leaves the version out of policies it writes itself, which AWS allows and moto does not. It only
    # decides whether ${aws:…} in a policy is a variable, and those of SAM have none.
    text = document({"Version": "2012-10-17", **policy})
    creation.call("iam", "PutRolePolicy", {"RoleName": role, "PolicyName": name, "PolicyDocument": text})


def _delete_role_policy(creation: Creation, role: str, name: str) -> None:
    creation.call_unless_gone("iam", "DeleteRolePolicy", {"RoleName": role, "PolicyName": name})


def create_managed_policy(creation: Creation) -> Made:
    name = creation.name_from("ManagedPolicyName", longest=128)
    policy, roles = document(creation.need("PolicyDocument")), creation.take("Roles", [])
    params = {"PolicyName": name, "PolicyDocument": policy, **creation.rest()}
    arn = creation.call("iam", "CreatePolicy", params)["Policy"]["Arn"]
    creation.exists_as(arn)
    for role in roles:
        creation.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": arn})
    return Made(physical_id=arn, attributes={"PolicyArn": arn})


def update_managed_policy(creation: Creation, deployed: DeployedResource) -> Made:
    """A changed document is a new version, for which the oldest one makes room."""
    arn, policy = deployed.physical_id, creation.need("PolicyDocument")
    if policy != deployed.properties["PolicyDocument"]:
        versions = creation.call("iam", "ListPolicyVersions", {"PolicyArn": arn})["Versions"]
        spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        if len(versions) >= _MOST_VERSIONS:
            oldest = min(spare, key=lambda version: int(version.removeprefix("v")))
            creation.call("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": oldest})
        params = {"PolicyArn": arn, "PolicyDocument": document(policy), "SetAsDefault": True}
        creation.call("iam", "CreatePolicyVersion", params)
    before, after = set(deployed.properties.get("Roles", [])), set(creation.take("Roles", []))
    for role in sorted(after - before):
        creation.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": arn})
    for role in sorted(before - after):
        creation.call_unless_gone("iam", "DetachRolePolicy", {"RoleName": role, "PolicyArn": arn})
    return made_before(deployed)


def delete_managed_policy(creation: Creation, deployed: DeployedResource) -> None:
    arn = deployed.physical_id
    for role in deployed.properties.get("Roles", []):
        creation.call_unless_gone("iam", "DetachRolePolicy", {"RoleName": role, "PolicyArn": arn})
    found = creation.call_unless_gone("iam", "ListPolicyVersions", {"PolicyArn": arn})
    for version in found["Versions"] if found else ():
        if not version["IsDefaultVersion"]:
            params = {"PolicyArn": arn, "VersionId": version["VersionId"]}
            creation.call_unless_gone("iam", "DeletePolicyVersion", params)
    creation.call_unless_gone("iam", "DeletePolicy", {"PolicyArn": arn})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::IAM::Role": handler(create_role, update_role, delete_role, replaced_by=("Path", "RoleName")),
    "AWS::IAM::Policy": handler(create_policy, update_policy, delete_policy),
    "AWS::IAM::RolePolicy": handler(
        create_role_policy, update_role_policy, delete_role_policy, replaced_by=("PolicyName", "RoleName")
    ),
    "AWS::IAM::ManagedPolicy": handler(
        create_managed_policy,
        update_managed_policy,
        delete_managed_policy,
        replaced_by=("ManagedPolicyName", "Description", "Path"),
    ),
}
