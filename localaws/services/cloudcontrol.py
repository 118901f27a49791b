"""Cloud Control: GetResource, for the one question that ``sam list endpoints`` asks of each function of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError, Call, Operation

_FUNCTION_URL = "AWS::Lambda::Url"


class CloudControl:
    """GetResource of URLs of functions, of which there are none; any other type is refused by name."""

    name = "cloudcontrol"

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"GetResource": self._get_resource}

    def _get_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Nothing makes a URL here: Lambda's CreateFunctionUrlConfig and the resource type are refused."""
        kind, identifier = params["TypeName"], params["Identifier"]
        if kind != _FUNCTION_URL:
            raise AwsError(
                "NotImplemented", f"GetResource of {kind} is not supported by the local AWS: only {_FUNCTION_URL}", 501
            )
        missing = f"Resource of type '{kind}' with identifier '{identifier}' was not found."
        raise AwsError("ResourceNotFoundException", missing, 404)
