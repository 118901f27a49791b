"""Does with a resource handler what the engine does, on a local AWS, one resource at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.local_aws import ACCOUNT, LocalAws
from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import changed_properties
from localaws.services.cloudformation.resources.stack import DeployedResource, Made

Properties = dict[str, Any]
REGION = "us-east-1"
HANDLER = "def handler(event, context):\n    return {answer!r}\n"
HELD_UP = """
import pathlib, time
def handler(event, context):
    pathlib.Path(event["began"]).touch()
    while not pathlib.Path(event["end"]).exists():
        time.sleep(0.01)
    return "first"
"""


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def may(action: str) -> dict[str, Any]:
    return policy({"Effect": "Allow", "Action": action, "Resource": "*"})


def zipped(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    return buffer.getvalue()


@dataclass
class Bench:
    """Creates, updates and deletes."""

    aws: LocalAws
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.aws.client(service)
        return self.clients[service]

    def create(self, kind: str, logical_id: str = "Thing", **properties: Any) -> DeployedResource:
        made = HANDLERS[kind].create(self.creation(kind, logical_id, properties))
        return self.deployed(kind, logical_id, properties, made)

    def update(self, deployed: DeployedResource, **changes: Any) -> DeployedResource:
        """With these properties changed; one that is None is removed from the template."""
        merged = {**deployed.properties, **changes}
        properties = {name: value for name, value in merged.items() if value is not None}
        handler = HANDLERS[deployed.type]
        assert not changed_properties(deployed.properties, properties) & handler.replaced_by
        creation = self.creation(deployed.type, deployed.logical_id, properties)
        made = handler.update(creation, deployed)
        assert made.physical_id == deployed.physical_id
        return self.deployed(deployed.type, deployed.logical_id, properties, made)

    def delete(self, deployed: DeployedResource) -> None:
        """Twice: what is gone already is no error."""
        for _ in range(2):
            creation = self.creation(deployed.type, deployed.logical_id, {})
            HANDLERS[deployed.type].delete(creation, deployed)

    def creation(self, kind: str, logical_id: str, properties: Mapping[str, Any]) -> Creation:
        return Creation(
            stack="shop-dev",
            logical_id=logical_id,
            type=kind,
            account=ACCOUNT,
            region=REGION,
            properties=dict(properties),
            client=self.client,
        )

    def deployed(self, kind: str, logical_id: str, properties: Properties, made: Made) -> DeployedResource:
        return DeployedResource(
            logical_id=logical_id,
            type=kind,
            physical_id=made.physical_id,
            attributes=made.attributes,
            properties=dict(properties),
            created_at=datetime.now(UTC),
            duration_seconds=0.0,
        )

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def code(self, key: str, answer: str) -> dict[str, str]:
        """Upload the code of a function that gives this answer."""
        return self.upload(key, HANDLER.format(answer=answer))

    def upload(self, key: str, code: str) -> dict[str, str]:
        self.client("s3").put_object(Bucket="artifacts", Key=key, Body=zipped(code))
        return {"S3Bucket": "artifacts", "S3Key": key}

    def role(self, logical_id: str, service: str = "lambda", *actions: str) -> DeployedResource:
        policies = [{"PolicyName": "own", "PolicyDocument": may(action)} for action in actions]
        return self.create("AWS::IAM::Role", logical_id, AssumeRolePolicyDocument=trust(service), Policies=policies)

    def function(self, logical_id: str, answer: str = "first", **settings: Any) -> DeployedResource:
        role = self.role(f"{logical_id}Role", "lambda", "sqs:*")
        return self.create(
            "AWS::Lambda::Function",
            logical_id,
            Code=self.code(f"{logical_id}-1", answer),
            Handler="app.handler",
            Runtime="python3.13",
            Role=role.attributes["Arn"],
            **settings,
        )

    def queue_attributes(self, url: str) -> Mapping[str, str]:
        sqs = self.client("sqs")
        attributes: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return attributes


def error_code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])
