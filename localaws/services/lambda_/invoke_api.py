"""The part of the Lambda API that invokes functions and configures asynchronous invocations."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, Result
from localaws.services.lambda_.functions.functions import Function, Functions
from localaws.services.lambda_.invocations.asynchronous import AsyncInvocations
from localaws.services.lambda_.invocations.destinations import check_destination
from localaws.services.lambda_.invocations.invoker import Invoker

_MAX_EVENT_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024, "DryRun": 6 * 1024 * 1024}
_TAIL_BYTES = 4096
_CONFIG = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class InvokeConfigs:
    """The EventInvokeConfig of each function that has one."""

    def __init__(self) -> None:
        self._configs: dict[str, Result] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Mapping[str, Any]:
        """The config, empty if there is none."""
        with self._lock:
            return self._configs.get(name, {})

    def put(self, name: str, config: Result) -> None:
        with self._lock:
            self._configs[name] = config

    def remove(self, name: str) -> None:
        with self._lock:
            self._configs.pop(name, None)


class InvokeApi:
    """Invoke, and the configuration of asynchronous invocation."""

    def __init__(
        self,
        context: Context,
        functions: Functions,
        invoker: Invoker,
        asynchronous: AsyncInvocations,
        configs: InvokeConfigs,
    ) -> None:
        self._context = context
        self._functions = functions
        self._invoker = invoker
        self._asynchronous = asynchronous
        self._configs = configs

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "Invoke": self.invoke,
            "PutFunctionEventInvokeConfig": self.put_function_event_invoke_config,
            "UpdateFunctionEventInvokeConfig": self.update_function_event_invoke_config,
            "GetFunctionEventInvokeConfig": self.get_function_event_invoke_config,
            "DeleteFunctionEventInvokeConfig": self.delete_function_event_invoke_config,
        }

    def invoke(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        if params.get("Qualifier", "$LATEST") != "$LATEST":
            missing = f"Function not found: {function.arn}:{params['Qualifier']}"
            raise AwsError("ResourceNotFoundException", missing, 404)
        kind = params.get("InvocationType", "RequestResponse")
        event = _event(params.get("Payload"), kind)
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            self._asynchronous.enqueue(function, event)
            return {"StatusCode": 202, "Payload": b""}
        return self._invoke_and_wait(function, event, tail=params.get("LogType") == "Tail")

    def put_function_event_invoke_config(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        return self._store(function, {name: params[name] for name in _CONFIG if name in params})

    def update_function_event_invoke_config(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        before = {n: v for n, v in self._existing(function).items() if n in _CONFIG}
        return self._store(function, before | {name: params[name] for name in _CONFIG if name in params})

    def get_function_event_invoke_config(self, params: Params, call: Call) -> Result:
        del call
        return dict(self._existing(self._functions.get(params["FunctionName"])))

    def delete_function_event_invoke_config(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        self._existing(function)
        self._configs.remove(function.name)
        return {}

    def _invoke_and_wait(self, function: Function, event: bytes, *, tail: bool) -> Result:
        finished = self._invoker.run(function, event, str(uuid.uuid4()))
        answer: Result = {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": finished.outcome.payload,
        }
        if finished.failed:
            answer["FunctionError"] = "Unhandled"
        if tail:
            answer["LogResult"] = base64.b64encode(finished.log.encode()[-_TAIL_BYTES:]).decode()
        return answer

    def _store(self, function: Function, config: Result) -> Result:
        for destination in config.get("DestinationConfig", {}).values():
            check_destination(destination.get("Destination"))
        stored = {
            **config,
            "FunctionArn": f"{function.arn}:$LATEST",
            "LastModified": self._context.now(),
        }
        self._configs.put(function.name, stored)
        return dict(stored)

    def _existing(self, function: Function) -> Mapping[str, Any]:
        config = self._configs.get(function.name)
        if not config:
            message = f"The function {function.arn} doesn't have an EventInvokeConfig"
            raise AwsError("ResourceNotFoundException", message, 404)
        return config


def _event(payload: Any, kind: str) -> bytes:
    """The event of a request; raises for one that is too large or is not JSON."""
    event = payload.read() if hasattr(payload, "read") else payload or b""
    event = event.encode() if isinstance(event, str) else bytes(event)
    if len(event) > _MAX_EVENT_BYTES[kind]:
        limit = f"{len(event)} byte payload is too large for the {kind} invocation type"
        raise AwsError("RequestTooLargeException", f"{limit} (limit {_MAX_EVENT_BYTES[kind]} bytes)", 413)
    if not event:
        return b"{}"
    try:
        json.loads(event)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise AwsError("InvalidRequestContentException", message) from error
    return event
