"""The part of the Lambda API that deals with event source mappings."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, Result
from localaws.services.lambda_.event_sources.mappings import (
    EventSource,
    EventSources,
    check_visibility,
    checked_settings,
)
from localaws.services.lambda_.event_sources.poller import Pollers
from localaws.services.lambda_.functions.functions import Function, Functions
from localaws.services.lambda_.functions.settings import function_name


class MappingsApi:
    """Create, read, change and delete mappings, and start the polling that goes with them."""

    def __init__(self, context: Context, functions: Functions, sources: EventSources, pollers: Pollers) -> None:
        self._context = context
        self._functions = functions
        self._sources = sources
        self._pollers = pollers
        self._arn_start = f"arn:aws:lambda:{context.region}:{context.account}"

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateEventSourceMapping": self.create_event_source_mapping,
            "GetEventSourceMapping": self.get_event_source_mapping,
            "ListEventSourceMappings": self.list_event_source_mappings,
            "UpdateEventSourceMapping": self.update_event_source_mapping,
            "DeleteEventSourceMapping": self.delete_event_source_mapping,
        }

    def create_event_source_mapping(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        source = EventSource(
            queue_arn=params["EventSourceArn"],
            function_name=function.name,
            function_arn=function.arn,
            settings=checked_settings(params, params["EventSourceArn"]),
            modified=self._context.now(),
            enabled=params.get("Enabled", True),
            tags=params.get("Tags", {}),
        )
        check_visibility(self._visibility_seconds(source, function), function.timeout_seconds)
        self._sources.add(source)
        if source.enabled:
            self._pollers.poll(source)
        return source.described(self._arn_start, state="Creating")

    def get_event_source_mapping(self, params: Params, call: Call) -> Result:
        del call
        return self._sources.get(params["UUID"]).described(self._arn_start)

    def list_event_source_mappings(self, params: Params, call: Call) -> Result:
        del call
        name = function_name(params["FunctionName"]) if "FunctionName" in params else None
        queue = params.get("EventSourceArn")
        found = [
            source.described(self._arn_start)
            for source in self._sources.all()
            if name in {None, source.function_name} and queue in {None, source.queue_arn}
        ]
        return {"EventSourceMappings": found}

    def update_event_source_mapping(self, params: Params, call: Call) -> Result:
        """Pollers read the mapping again before each batch, so only switching it on has to start any."""
        del call
        before = self._sources.get(params["UUID"])
        function = self._functions.get(params.get("FunctionName", before.function_name))
        changed = {
            "function_name": function.name,
            "function_arn": function.arn,
            "settings": checked_settings({**before.settings, **params}, before.queue_arn),
            "enabled": params.get("Enabled", before.enabled),
            "modified": self._context.now(),
        }
        check_visibility(self._visibility_seconds(before, function), function.timeout_seconds)
        after = self._sources.change(before.uuid, **changed)
        if after.enabled and not before.enabled:
            self._pollers.poll(after)
        return after.described(self._arn_start, state="Updating")

    def delete_event_source_mapping(self, params: Params, call: Call) -> Result:
        del call
        source = self._sources.get(params["UUID"])
        self._sources.remove(source.uuid)
        return source.described(self._arn_start, state="Deleting")

    def _visibility_seconds(self, source: EventSource, function: Function) -> int:
        """Read under the function's role, because Lambda refuses a mapping whose role may not read the queue."""
        try:
            url = self._context.client("sqs", None).get_queue_url(QueueName=source.queue_name)["QueueUrl"]
            attributes = self._context.client("sqs", function.role).get_queue_attributes(
                QueueUrl=url, AttributeNames=["VisibilityTimeout"]
            )
        except ClientError as error:
            if "AccessDenied" in error.response["Error"]["Code"]:
                message = "The function execution role does not have permissions to call GetQueueAttributes on SQS"
            else:
                message = (
                    "Error occurred while ReceiveMessage. SQS Error Code: "
                    f"{error.response['Error']['Code']}. SQS Error Message: {error.response['Error']['Message']}"
                )
            raise AwsError("InvalidParameterValueException", message) from error
        return int(attributes["Attributes"]["VisibilityTimeout"])
