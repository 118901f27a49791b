"""Deploys what ``sam build`` left by the calls of ``sam deploy``, without its four seconds of start-up."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localaws.local_aws import LocalAws
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.cloudformation.service import CloudFormation
from localaws.services.cloudformation.template.document import read_template

BUCKET = "artifacts-of-tests"
# Which property of which resource type may be a local path, and how its S3 location is written.
_LOCAL_PATHS = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Bucket", "Key"),
}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: the same files make the same bytes


class NotDeployedError(Exception):
    """The stack did not become what was asked for; carries why."""


def deploy(aws: LocalAws, built: Path, stack_name: str, parameters: Mapping[str, str]) -> Stack:
    """Create or update a stack from the ``template.yaml`` in a folder; raises NotDeployedError.

    Returns the stack as the server has it, once it is complete.
    """
    place = _uploaded(aws, built)
    client = aws.client("cloudformation")
    present = {each["StackName"] for each in client.describe_stacks()["Stacks"]}
    verb = "UPDATE" if stack_name in present else "CREATE"
    which = {"StackName": stack_name, "ChangeSetName": f"{verb}-{place[-12:]}"}
    client.create_change_set(
        **which,
        ChangeSetType=verb,
        TemplateURL=f"{aws.endpoint_url}/{BUCKET}/{place}",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    described = client.describe_change_set(**which)
    if described["Status"] == "FAILED":
        raise NotDeployedError(described["StatusReason"])
    client.execute_change_set(**which)
    waiter = client.get_waiter(f"stack_{verb.lower()}_complete")
    waiter.config.delay = 0.1
    events = client.get_paginator("describe_stack_events")
    try:
        waiter.wait(StackName=stack_name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    except Exception as error:
        pages = events.paginate(StackName=stack_name)
        failed = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason')}"
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        raise NotDeployedError("\n".join(failed)) from error
    return stack_of(aws, stack_name)


def stack_of(aws: LocalAws, stack_name: str) -> Stack:
    """The stack as the server has it."""
    cloudformation = next(each for each in aws.services if isinstance(each, CloudFormation))
    return next(stack for stack in cloudformation.stacks() if stack.name == stack_name)


def _uploaded(aws: LocalAws, built: Path) -> str:
    """Upload what the template refers to by a local path, as ``sam package`` does, and the template; its key."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    template = read_template(built / "template.yaml")
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] not in _LOCAL_PATHS:
            continue
        name, bucket_key, object_key = _LOCAL_PATHS[resource["Type"]]
        properties = resource.get("Properties", {})
        if isinstance(properties.get(name), str):
            content = _artifact(built / properties[name], logical_id)
            properties[name] = {bucket_key: BUCKET, object_key: _put(s3, content)}
    return _put(s3, json.dumps(template, default=str).encode())


def _put(s3: Any, content: bytes) -> str:
    key = hashlib.sha256(content).hexdigest()
    s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return key


def _artifact(path: Path, logical_id: str) -> bytes:
    """A file's bytes, or a folder as a zip that depends on nothing but the files in it."""
    if path.is_file():
        return path.read_bytes()
    assert path.is_dir(), f"resource {logical_id} refers to {path}, which does not exist"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in _files(path):
            entry = zipfile.ZipInfo(file.relative_to(path).as_posix(), _LONG_AGO)
            entry.external_attr = (file.stat().st_mode & 0o777) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())
