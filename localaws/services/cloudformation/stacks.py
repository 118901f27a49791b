"""The stacks of the account, and the work on them that goes on in the background."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.cloudformation.execution.environment import DeploymentEnvironment
from localaws.services.cloudformation.requests import invalid
from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.stack import Stack, Submission
from localaws.services.cloudformation.template.document import missing_capabilities, parse_template, transforms
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.plain import PlainTemplate, read_plain
from localaws.services.cloudformation.template.translate import translate

LOG = logging.getLogger(__name__)


class Stacks:
    """Finds, adds and works on stacks.

    Work goes on in the background, as on AWS; an operation waits for it for at most ``head_start_seconds`` before it
    answers. Clients poll every 15 or 30 seconds, for which nothing here is worth waiting.
    """

    def __init__(self, context: Context, head_start_seconds: float) -> None:
        self.context = context
        self._head_start_seconds = head_start_seconds
        self._stacks: list[Stack] = []
        self._lock = threading.Lock()
        self._work: dict[str, threading.Thread] = {}  # the latest on each stack, by ARN
        client = cache(lambda service: context.client(service, None))
        self.around = DeploymentEnvironment(
            account=context.account, region=context.region, client=client, now=context.now, handlers=HANDLERS
        )

    @property
    def s3(self) -> Any:
        return self.around.client("s3")

    def all(self) -> list[Stack]:
        """Every stack there is or was, the newest first."""
        with self._lock:
            return list(reversed(self._stacks))

    def present(self) -> list[Stack]:
        return [stack for stack in self.all() if stack.status != "DELETE_COMPLETE"]

    def named(self, name: str) -> Stack | None:
        """The stack of this name, which was not deleted; or the one with this ARN, deleted or not."""
        by_name = (stack for stack in self.present() if stack.name == name)
        by_arn = (stack for stack in self.all() if stack.arn == name)
        return next(by_name, None) or next(by_arn, None)

    def find(self, params: Mapping[str, Any]) -> Stack:
        """By name or ARN, as every operation allows."""
        wanted = params.get("StackName", "")
        stack = self.named(wanted)
        if stack is None:
            raise invalid(f"Stack with id {wanted} does not exist")
        return stack

    def exporter(self, of: Stack) -> Callable[[str], str | None]:
        """Which other stack exports a name."""

        def exporter_of(name: str) -> str | None:
            others = (stack for stack in self.present() if stack is not of)
            found = (each.name for each in others for output in each.outputs.values() if output.export == name)
            return next(found, None)

        return exporter_of

    def add(self, name: str) -> Stack:
        """A new stack with nothing in it; AlreadyExistsException if there is one of that name."""
        where = f"{self.context.region}:{self.context.account}"
        stack = Stack(
            name=name,
            arn=f"arn:aws:cloudformation:{where}:stack/{name}/{uuid.uuid4()}",
            created_at=self.context.now(),
        )
        with self._lock:
            if any(each.name == name and each.status != "DELETE_COMPLETE" for each in self._stacks):
                raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
            self._stacks.append(stack)
        return stack

    def remove(self, stack: Stack) -> None:
        """Forget a stack that never came to be."""
        with self._lock:
            self._stacks.remove(stack)

    def claim(self, stack: Stack, status: str, allowed: Collection[str], what: str) -> None:
        """Take the next status for an operation, or refuse it because of what goes on; ``what`` cannot be done."""
        with self._lock:
            if stack.status not in allowed:
                raise invalid(f"Stack:{stack.arn} is in {stack.status} state and can not be {what}.")
            stack.become(status, self.context.now(), "User Initiated")

    def begin(self, stack: Stack, work: Callable[[], None]) -> None:
        """Start work on a stack after what is under way on it."""
        before = self._work.get(stack.arn)

        def run() -> None:
            if before is not None:
                before.join()
            try:
                work()
            except Exception as error:  # a defect of ours: nobody must wait for it for ever
                LOG.exception("work on stack %s ended", stack.name)
                if stack.status.endswith("IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                    status = stack.status.replace("COMPLETE_CLEANUP_IN_PROGRESS", "FAILED")
                    status = status.replace("IN_PROGRESS", "FAILED")
                    stack.become(status, self.context.now(), f"Internal Failure: {error!r}")

        thread = self._work[stack.arn] = self.context.background(f"cloudformation-{stack.name}", run)
        thread.join(self._head_start_seconds)

    def parse(self, submission: Submission) -> dict[str, Any]:
        """The template as it is written; a ValidationError says what is wrong with it."""
        try:
            return parse_template(submission.text)
        except TemplateError as error:
            raise invalid(str(error)) from error

    def prepare(self, stack: Stack, submission: Submission) -> PlainTemplate:
        """The template transformed and checked as a whole; raises TemplateError."""
        template = parse_template(submission.text)
        if transforms(template):
            template = translate(template, submission.parameters, region=self.context.region)
        pseudo_parameters = {
            "AWS::AccountId": self.context.account,
            "AWS::NotificationARNs": list(submission.notification_arns),
            "AWS::Partition": "aws",
            "AWS::Region": self.context.region,
            "AWS::StackId": stack.arn,
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        return read_plain(
            template, submission.parameters, pseudo_parameters=pseudo_parameters, known_types=HANDLERS.keys()
        )


def check_capabilities(template: Mapping[str, Any], submission: Submission, *, unseen: bool) -> None:
    """Refuse a template for which the caller does not acknowledge what it does.

    ``unseen``: nobody reviews what transforms make of it, so they have to be acknowledged, too. A change set is the
    review. https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, Capabilities
    """
    missing = missing_capabilities(template, submission.capabilities)
    if unseen and transforms(template) and "CAPABILITY_AUTO_EXPAND" not in submission.capabilities:
        missing.append("CAPABILITY_AUTO_EXPAND")
    if missing:
        raise AwsError("InsufficientCapabilitiesException", requires(missing))


def requires(capabilities: list[str]) -> str:
    return f"Requires capabilities : [{', '.join(capabilities)}]"
