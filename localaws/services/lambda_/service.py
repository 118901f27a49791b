"""The Lambda service, put together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from localaws.context import Context
from localaws.service_api import Call, Operation, Params, Result
from localaws.services.lambda_.environments.fleet import MOST_ENVIRONMENTS, EnvironmentPool
from localaws.services.lambda_.event_sources.mappings import EventSources
from localaws.services.lambda_.event_sources.poller import Pollers
from localaws.services.lambda_.functions.functions import Functions
from localaws.services.lambda_.functions.permissions import ResourcePolicies
from localaws.services.lambda_.functions_api import FunctionsApi
from localaws.services.lambda_.invocations.asynchronous import AsyncInvocations
from localaws.services.lambda_.invocations.invoker import Invoker
from localaws.services.lambda_.invoke_api import InvokeApi, InvokeConfigs
from localaws.services.lambda_.logs.log_shipping import LogShipper
from localaws.services.lambda_.mappings_api import MappingsApi

_MAPPING = ":event-source-mapping:"  # in the ARN of one


class Lambda:
    """Lambda for Python functions deployed as zip files; only the unpublished version of a function exists.

    ``time_scale`` shortens the waits of asynchronous retries (60 s and 120 s after errors, 1 s to 5 min after
    throttling) and makes queued events age faster in proportion; 1 is AWS's own pace. ``most_environments``
    plays the account's concurrency limit.
    """

    name = "lambda"

    def __init__(
        self, context: Context, *, time_scale: float = 1.0, most_environments: int = MOST_ENVIRONMENTS
    ) -> None:
        self._functions = Functions()
        self._policies = ResourcePolicies()
        self._sources = EventSources()
        self._configs = InvokeConfigs()
        self._fleet = EnvironmentPool(context, most_environments)
        self._logs = LogShipper(context)
        invoker = Invoker(context, self._fleet, self._logs)
        self._asynchronous = AsyncInvocations(
            context, invoker, self._functions, self._configs.get, time_scale=time_scale
        )
        pollers = Pollers(context, self._sources, self._functions, invoker)
        self._parts = (
            FunctionsApi(context, self._functions, self._fleet),
            InvokeApi(context, self._functions, invoker, self._asynchronous, self._configs),
            MappingsApi(context, self._functions, self._sources, pollers),
        )

    @property
    def operations(self) -> Mapping[str, Operation]:
        operations: dict[str, Operation] = {
            "DeleteFunction": self.delete_function,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
            "GetPolicy": self.get_policy,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTags": self.list_tags,
        }
        for part in self._parts:
            operations |= part.operations
        return operations

    def start(self) -> None:
        self._logs.start()
        self._asynchronous.start()

    def stop(self) -> None:
        """End all execution environments and the background work."""
        self._asynchronous.stop()
        self._fleet.close()
        self._logs.stop()

    def delete_function(self, params: Params, call: Call) -> Result:
        """Delete a function with its policy and configuration. Its mappings stay, as on AWS, and find nothing."""
        del call
        name = self._functions.get(params["FunctionName"]).name
        self._functions.remove(name)
        self._policies.forget(name)
        self._configs.remove(name)
        self._fleet.reserve(name, None)
        self._fleet.retire(name, None)
        return {}

    def add_permission(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        statement = self._policies.add(function.name, function.arn, params)
        return {"Statement": json.dumps(statement)}

    def remove_permission(self, params: Params, call: Call) -> Result:
        del call
        self._policies.remove(self._functions.get(params["FunctionName"]).name, params["StatementId"])
        return {}

    def get_policy(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        return {"Policy": self._policies.document(function.name), "RevisionId": function.revision}

    def tag_resource(self, params: Params, call: Call) -> Result:
        del call
        self._retag(params["Resource"], params["Tags"], ())
        return {}

    def untag_resource(self, params: Params, call: Call) -> Result:
        del call
        self._retag(params["Resource"], {}, params["TagKeys"])
        return {}

    def list_tags(self, params: Params, call: Call) -> Result:
        del call
        arn = params["Resource"]
        if _MAPPING in arn:
            return {"Tags": dict(self._sources.get(arn.rsplit(":", 1)[-1]).tags)}
        return {"Tags": dict(self._functions.get(arn).tags)}

    def _retag(self, arn: str, tags: Mapping[str, str], gone: Sequence[str]) -> None:
        if _MAPPING in arn:
            self._sources.retag(arn, tags, gone)
            return
        function = self._functions.get(arn)
        kept = {key: value for key, value in {**function.tags, **tags}.items() if key not in gone}
        changed = self._functions.change(function.name, tags=kept)
        self._fleet.retire(function.name, changed.revision)
