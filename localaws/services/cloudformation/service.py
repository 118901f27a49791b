"""The Describe and List operations of CloudFormation, and the deployment of a stack."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation
from localaws.services.cloudformation import descriptions
from localaws.services.cloudformation.engine import Deployment, DeploymentEnvironment
from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.stack import DeployedResource, Stack
from localaws.services.cloudformation.template.errors import DeployError, TemplateError
from localaws.services.cloudformation.template.package import upload_local_files
from localaws.services.cloudformation.template.translate import read_template, translate


class CloudFormation:
    """Stacks of the local AWS. A stack is made once: an update is refused, not played."""

    name = "cloudformation"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stacks: dict[str, Stack] = {}
        self._lock = threading.Lock()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeStacks": self._describe_stacks,
            "DescribeStackResource": self._describe_stack_resource,
            "DescribeStackResources": self._describe_stack_resources,
            "GetTemplate": self._get_template,
            "ListStackResources": self._list_stack_resources,
            "ListStacks": self._list_stacks,
        }

    def deploy(
        self,
        template_dir: Path,
        stack_name: str,
        parameters: Mapping[str, str],
        on_resource: Callable[[DeployedResource], None] = lambda _resource: None,
    ) -> Stack:
        """Make a stack of what ``sam build`` left in ``template_dir``; returns when every resource exists.

        Raises TemplateError for a wrong template, DeployError when a resource cannot be made. What was made
        until then stays, and the stack says CREATE_FAILED.
        """
        client = cache(lambda service: self._context.client(service, None))
        template = self._plain_template(template_dir, parameters, client("s3"))
        stack = self._new_stack(stack_name, parameters, template)
        surroundings = DeploymentEnvironment(
            account=self._context.account,
            region=self._context.region,
            client=client,
            now=self._context.now,
            handlers=HANDLERS,
            on_resource=on_resource,
        )
        try:
            Deployment(template, stack, surroundings).run()
        except (TemplateError, DeployError) as error:
            stack.status, stack.status_reason = "CREATE_FAILED", str(error)
            raise
        stack.status = "CREATE_COMPLETE"
        return stack

    def _plain_template(self, template_dir: Path, parameters: Mapping[str, str], s3: Any) -> dict[str, Any]:
        """Packaged and translated, with artifacts in a bucket named like SAM's own."""
        region = self._context.region
        bucket = f"aws-sam-cli-managed-default-{self._context.account}-{region}"
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=bucket, **where)
        template = read_template(template_dir / "template.yaml")
        upload_local_files(template, template_dir, bucket=bucket, s3=s3)
        return translate(template, parameters, region=region)

    def _new_stack(self, name: str, parameters: Mapping[str, str], template: Mapping[str, Any]) -> Stack:
        where = f"{self._context.region}:{self._context.account}"
        stack = Stack(
            name=name,
            arn=f"arn:aws:cloudformation:{where}:stack/{name}/{uuid.uuid4()}",
            description=template.get("Description", ""),
            parameters=dict(parameters),
            template=template,
            created_at=self._context.now(),
        )
        with self._lock:
            if name in self._stacks:
                problem = f"stack {name} exists; the local AWS cannot update a stack, start a new one"
                raise TemplateError(problem)
            self._stacks[name] = stack
        return stack

    def _all(self) -> list[Stack]:
        with self._lock:
            return list(self._stacks.values())

    def _find(self, params: Mapping[str, Any]) -> Stack:
        """By name or ARN, as every operation allows."""
        wanted = params.get("StackName", "")
        for stack in self._all():
            if wanted in (stack.name, stack.arn):
                return stack
        raise AwsError("ValidationError", f"Stack with id {wanted} does not exist")

    def _describe_stacks(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stacks = [self._find(params)] if "StackName" in params else self._all()
        return {"Stacks": [descriptions.stack_description(stack) for stack in stacks]}

    def _list_stacks(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        wanted = params.get("StackStatusFilter")
        stacks = [stack for stack in self._all() if not wanted or stack.status in wanted]
        return {"StackSummaries": [descriptions.stack_summary(stack) for stack in stacks]}

    def _describe_stack_resources(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack, wanted = self._find(params), params.get("LogicalResourceId")
        chosen = [item for item in list(stack.resources.values()) if wanted in (None, item.logical_id)]
        return {"StackResources": [descriptions.resource_description(stack, item) for item in chosen]}

    def _describe_stack_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        stack, wanted = self._find(params), params["LogicalResourceId"]
        if wanted not in stack.resources:
            problem = f"Resource {wanted} does not exist for stack {stack.name}"
            raise AwsError("ValidationError", problem)
        return {"StackResourceDetail": descriptions.resource_detail(stack, stack.resources[wanted])}

    def _list_stack_resources(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        resources = list(self._find(params).resources.values())
        return {"StackResourceSummaries": [descriptions.resource_summary(item) for item in resources]}

    def _get_template(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return {"TemplateBody": json.dumps(self._find(params).template)}
