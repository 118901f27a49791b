"""Roles and their policies are created, updated and deleted."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources.creation import AlreadyExistsError
from localaws.tests.contract.services.cloudformation.resources.bench import Bench, error_code, may, trust


def test_a_role_gains_and_loses_policies(bench: Bench) -> None:
    iam, managed = bench.client("iam"), "arn:aws:iam::aws:policy/{}".format
    role = bench.create(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument=trust("lambda"),
        Policies=[
            {"PolicyName": "kept", "PolicyDocument": may("s3:GetObject")},
            {"PolicyName": "dropped", "PolicyDocument": may("s3:PutObject")},
        ],
        ManagedPolicyArns=[managed("AWSXrayWriteOnlyAccess")],
        Description="Before",
        MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "1"}],
    )
    name = role.physical_id
    changed = bench.update(
        role,
        AssumeRolePolicyDocument=trust("states"),
        Policies=[
            {"PolicyName": "kept", "PolicyDocument": may("s3:ListBucket")},
            {"PolicyName": "new", "PolicyDocument": may("sns:Publish")},
        ],
        ManagedPolicyArns=[managed("ReadOnlyAccess")],
        Description=None,
        MaxSessionDuration=None,
        Tags=None,
    )
    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["kept", "new"]
    kept = iam.get_role_policy(RoleName=name, PolicyName="kept")["PolicyDocument"]
    assert kept["Statement"][0]["Action"] == "s3:ListBucket"
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["ReadOnlyAccess"]
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "states.amazonaws.com"}
    assert (shown.get("Description", ""), shown["MaxSessionDuration"], shown.get("Tags", [])) == ("", 3600, [])
    iam.put_role_policy(RoleName=name, PolicyName="by-hand", PolicyDocument=json.dumps(may("s3:*")))
    with pytest.raises(ClientError, match="must delete policies first"):
        bench.delete(changed)
    iam.delete_role_policy(RoleName=name, PolicyName="by-hand")
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        iam.get_role(RoleName=name)
    assert error_code(refused) == "NoSuchEntity"


def test_policies_of_roles_move_with_their_resource(bench: Bench) -> None:
    iam = bench.client("iam")
    first, second = (bench.role(name).physical_id for name in ("First", "Second"))

    def inline(role: str) -> list[str]:
        names: list[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return names

    shared = bench.create("AWS::IAM::Policy", PolicyName="shared", PolicyDocument=may("s3:*"), Roles=[first])
    moved = bench.update(shared, PolicyName="renamed", Roles=[second])
    assert (inline(first), inline(second)) == ([], ["renamed"])
    bench.delete(moved)
    own = bench.create("AWS::IAM::RolePolicy", RoleName=first, PolicyName="own", PolicyDocument=may("s3:*"))
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::IAM::RolePolicy", RoleName=first, PolicyName="own", PolicyDocument=may("s3:*"))
    narrowed = bench.update(own, PolicyDocument=may("s3:GetObject"))
    found = iam.get_role_policy(RoleName=first, PolicyName="own")["PolicyDocument"]
    assert found["Statement"][0]["Action"] == "s3:GetObject"
    bench.delete(narrowed)
    assert (inline(first), inline(second)) == ([], [])


def test_a_managed_policy_keeps_at_most_five_versions(bench: Bench) -> None:
    iam = bench.client("iam")
    first, second = (bench.role(name).physical_id for name in ("Reader", "Writer"))
    managed = bench.create("AWS::IAM::ManagedPolicy", PolicyDocument=may("s3:a"), Roles=[first])
    for letter in "bcdefg":
        managed = bench.update(managed, PolicyDocument=may(f"s3:{letter}"))
    managed = bench.update(managed, Roles=[second])
    arn = managed.physical_id
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    (current,) = (one["VersionId"] for one in versions if one["IsDefaultVersion"])
    document = iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "s3:g"
    assert iam.list_attached_role_policies(RoleName=first)["AttachedPolicies"] == []
    bench.delete(managed)
    assert iam.list_attached_role_policies(RoleName=second)["AttachedPolicies"] == []
