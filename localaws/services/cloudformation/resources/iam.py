"""Roles and policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.resources.creation import Creation, document
from localaws.services.cloudformation.resources.handler import ResourceHandler, handler, not_yet, not_yet_deleted
from localaws.services.cloudformation.resources.stack import Made


def make_role(creation: Creation) -> Made:
    name = creation.name_from("RoleName", longest=64)
    trust = document(creation.need("AssumeRolePolicyDocument"))
    inline, attached = creation.take("Policies", []), creation.take("ManagedPolicyArns", [])
    tags = creation.tags()
    params = {"RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tags, **creation.rest()}
    role = creation.call("iam", "CreateRole", params)["Role"]
    for policy in inline:
        _put_role_policy(creation, name, policy["PolicyName"], policy["PolicyDocument"])
    for arn in attached:
        creation.call("iam", "AttachRolePolicy", {"RoleName": name, "PolicyArn": arn})
    return Made(physical_id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]})


def make_policy(creation: Creation) -> Made:
    """An inline policy of several roles."""
    name, policy = creation.need("PolicyName"), creation.need("PolicyDocument")
    for role in creation.take("Roles", []):
        _put_role_policy(creation, role, name, policy)
    return Made(physical_id=name)


def make_role_policy(creation: Creation) -> Made:
    """An inline policy of one role, written as a resource of its own."""
    name = creation.need("PolicyName")
    _put_role_policy(creation, creation.need("RoleName"), name, creation.need("PolicyDocument"))
    return Made(physical_id=name)


def _put_role_policy(creation: Creation, role: str, name: str, policy: Mapping[str, Any]) -> None:
    # SAM leaves the version out of policies it writes itself, which AWS allows and moto does not. It only
    # decides whether ${aws:…} in a policy is a variable, and those of SAM have none.
    text = document({"Version": "2012-10-17", **policy})
    creation.call("iam", "PutRolePolicy", {"RoleName": role, "PolicyName": name, "PolicyDocument": text})


def make_managed_policy(creation: Creation) -> Made:
    name = creation.name_from("ManagedPolicyName", longest=128)
    policy, roles = document(creation.need("PolicyDocument")), creation.take("Roles", [])
    params = {"PolicyName": name, "PolicyDocument": policy, **creation.rest()}
    arn = creation.call("iam", "CreatePolicy", params)["Policy"]["Arn"]
    for role in roles:
        creation.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": arn})
    return Made(physical_id=arn, attributes={"PolicyArn": arn})


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::IAM::Role": handler(make_role, not_yet, not_yet_deleted),
    "AWS::IAM::Policy": handler(make_policy, not_yet, not_yet_deleted),
    "AWS::IAM::RolePolicy": handler(make_role_policy, not_yet, not_yet_deleted),
    "AWS::IAM::ManagedPolicy": handler(make_managed_policy, not_yet, not_yet_deleted),
}
