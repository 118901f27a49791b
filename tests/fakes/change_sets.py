"""CloudFormation as far as `sam deploy` talks to it: change sets are kept and said to be done, nothing is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localaws.service_api import AwsError, Call, Operation

ARTIFACTS_STACK = "aws-sam-cli-managed-default"  # which `resolve_s3` looks for, and makes when it is missing
ARTIFACTS_BUCKET = "aws-sam-cli-managed-default-samclisourcebucket"


class ChangeSets:
    """A service of the local AWS; ``executed`` are the requests of the change sets that were carried out, by stack."""

    name = "cloudformation"

    def __init__(self) -> None:
        self.executed: dict[str, dict[str, Any]] = {}
        self._created: dict[str, dict[str, Any]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateChangeSet": self._create,
            "DescribeChangeSet": self._describe,
            "DescribeStackEvents": lambda params, _call: {"StackEvents": self._events[params["StackName"]]},
            "DescribeStacks": self._describe_stacks,
            "ExecuteChangeSet": self._execute,
        }

    def _create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        self._created[params["StackName"]] = params
        self._tell(params["StackName"], "REVIEW_IN_PROGRESS")
        return {"Id": _change_set_id(params), "StackId": _stack_id(params["StackName"])}

    def _describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        created = self._created[params["StackName"]]
        return {"ChangeSetId": _change_set_id(created), "Status": "CREATE_COMPLETE", "Changes": []}

    def _execute(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack = params["StackName"]
        self.executed[stack] = self._created[stack]
        self._tell(stack, "CREATE_COMPLETE")
        return {}

    def _describe_stacks(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack = params["StackName"]
        about = {"StackName": stack, "StackId": _stack_id(stack), "CreationTime": datetime.now(UTC)}
        if stack == ARTIFACTS_STACK:
            tags = [{"Key": "ManagedStackSource", "Value": "AwsSamCli"}]
            outputs = [{"OutputKey": "SourceBucket", "OutputValue": ARTIFACTS_BUCKET}]
            return {"Stacks": [{**about, "StackStatus": "CREATE_COMPLETE", "Tags": tags, "Outputs": outputs}]}
        if stack not in self._events:
            raise AwsError("ValidationError", f"Stack with id {stack} does not exist")
        return {"Stacks": [{**about, "StackStatus": self._events[stack][0]["ResourceStatus"]}]}

    def _tell(self, stack: str, status: str) -> None:
        event = {
            "EventId": f"{stack}-{status}",
            "StackName": stack,
            "StackId": _stack_id(stack),
            "LogicalResourceId": stack,
            "PhysicalResourceId": _stack_id(stack),
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "Timestamp": datetime.now(UTC),
        }
        self._events.setdefault(stack, []).insert(0, event)  # the latest first, as CloudFormation lists them


def _stack_id(name: str) -> str:
    return f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1"


def _change_set_id(params: Mapping[str, Any]) -> str:
    return f"arn:aws:cloudformation:us-east-1:123456789012:changeSet/{params['ChangeSetName']}/1"
