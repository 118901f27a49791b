"""The part of the Lambda API that deals with functions and layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, Result
from localaws.services.lambda_.environments.fleet import EnvironmentPool
from localaws.services.lambda_.functions.functions import Function, Functions, Layer, check_package_sizes
from localaws.services.lambda_.functions.packages import Packages
from localaws.services.lambda_.functions.settings import checked_settings

_NOT_SETTINGS = frozenset({"Code", "Tags", "Publish", "DryRun", "RevisionId"})


class FunctionsApi:
    """Create, read, change and delete functions; publish layers. A change retires the old environments."""

    def __init__(self, context: Context, functions: Functions, fleet: EnvironmentPool) -> None:
        self._context = context
        self._functions = functions
        self._fleet = fleet
        self._packages = Packages(context)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateFunction": self.create_function,
            "UpdateFunctionCode": self.update_function_code,
            "UpdateFunctionConfiguration": self.update_function_configuration,
            "GetFunction": self.get_function,
            "GetFunctionConfiguration": self.get_function_configuration,
            "ListFunctions": self.list_functions,
            "PublishLayerVersion": self.publish_layer_version,
            "GetLayerVersion": self.get_layer_version,
            "DeleteLayerVersion": self.delete_layer_version,
            "PutFunctionConcurrency": self.put_function_concurrency,
            "GetFunctionConcurrency": self.get_function_concurrency,
            "DeleteFunctionConcurrency": self.delete_function_concurrency,
        }

    def create_function(self, params: Params, call: Call) -> Result:
        settings = checked_settings({n: v for n, v in params.items() if n not in _NOT_SETTINGS})
        layers = self._layers(settings)
        code = self._packages.fetch(params["Code"])
        check_package_sizes(code, layers)
        function = Function(
            arn=f"arn:aws:lambda:{call.region}:{call.account}:function:{settings['FunctionName']}",
            settings=settings,
            code=code,
            layers=layers,
            last_modified=self._timestamp(),
            tags=params.get("Tags", {}),
        )
        self._functions.add(function)
        self._fleet.retire(function.name, function.revision)
        return function.described()

    def update_function_code(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        code = self._packages.fetch(params)
        check_package_sizes(code, function.layers)
        architectures = params.get("Architectures", function.settings["Architectures"])
        settings = {**function.settings, "Architectures": architectures}
        return self._change(function, code=code, settings=settings)

    def update_function_configuration(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        given = {n: v for n, v in params.items() if n not in _NOT_SETTINGS}
        settings = checked_settings({**function.settings, **given, "FunctionName": function.name})
        layers = self._layers(settings)
        check_package_sizes(function.code, layers)
        return self._change(function, settings=settings, layers=layers)

    def get_function(self, params: Params, call: Call) -> Result:
        del call
        function = self._functions.get(params["FunctionName"])
        shown: Result = {
            "Configuration": function.described(),
            "Code": {"RepositoryType": "S3", "Location": function.code.path.as_uri()},
        }
        if function.tags:
            shown["Tags"] = dict(function.tags)
        if function.name in self._fleet.reserved():
            reserved = self._fleet.reserved()[function.name]
            shown["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return shown

    def get_function_configuration(self, params: Params, call: Call) -> Result:
        del call
        return self._functions.get(params["FunctionName"]).described()

    def list_functions(self, params: Params, call: Call) -> Result:
        del params, call
        return {"Functions": [function.described() for function in self._functions.all()]}

    def publish_layer_version(self, params: Params, call: Call) -> Result:
        layer = self._functions.publish_layer(
            f"arn:aws:lambda:{call.region}:{call.account}:layer:{params['LayerName']}",
            package=self._packages.fetch(params["Content"]),
            description=params.get("Description", ""),
            created=self._timestamp(),
            runtimes=tuple(params.get("CompatibleRuntimes", ())),
        )
        return _described_layer(layer)

    def get_layer_version(self, params: Params, call: Call) -> Result:
        try:
            return _described_layer(self._functions.layer(_layer_arn(params, call)))
        except AwsError as error:
            raise AwsError("ResourceNotFoundException", error.message, 404) from error

    def delete_layer_version(self, params: Params, call: Call) -> Result:
        """Functions that have the version keep it; no other can be given it (API reference, DeleteLayerVersion)."""
        self._functions.remove_layer(_layer_arn(params, call))
        return {}

    def put_function_concurrency(self, params: Params, call: Call) -> Result:
        del call
        reserved = params["ReservedConcurrentExecutions"]
        self._fleet.reserve(self._functions.get(params["FunctionName"]).name, reserved)
        return {"ReservedConcurrentExecutions": reserved}

    def get_function_concurrency(self, params: Params, call: Call) -> Result:
        del call
        reserved = self._fleet.reserved().get(self._functions.get(params["FunctionName"]).name)
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_function_concurrency(self, params: Params, call: Call) -> Result:
        del call
        self._fleet.reserve(self._functions.get(params["FunctionName"]).name, None)
        return {}

    def _layers(self, settings: Mapping[str, Any]) -> tuple[Layer, ...]:
        return tuple(self._functions.layer(arn) for arn in settings.get("Layers", ()))

    def _change(self, function: Function, **changes: Any) -> Result:
        changed = self._functions.change(function.name, **changes, last_modified=self._timestamp())
        self._fleet.retire(changed.name, changed.revision)
        return changed.described()

    def _timestamp(self) -> str:
        return self._context.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _layer_arn(params: Params, call: Call) -> str:
    name = params["LayerName"].rsplit(":", 1)[-1]
    return f"arn:aws:lambda:{call.region}:{call.account}:layer:{name}:{params['VersionNumber']}"


def _described_layer(layer: Layer) -> Result:
    name_arn, version = layer.arn.rsplit(":", 1)
    return {
        "LayerArn": name_arn,
        "LayerVersionArn": layer.arn,
        "Version": int(version),
        "Description": layer.description,
        "CreatedDate": layer.created,
        "CompatibleRuntimes": list(layer.runtimes),
        "Content": {"CodeSize": layer.package.zipped_bytes, "CodeSha256": layer.package.sha256},
    }
