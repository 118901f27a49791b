"""The settings of a function, checked as Lambda checks them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError

_NAME = re.compile(r"(?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?(?:function:)?(?P<name>[A-Za-z0-9_-]{1,64})(?::\$LATEST)?")
_RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    }
)  # fmt: skip
_MAX_VARIABLES_BYTES = 4096


def function_name(reference: str) -> str:
    """The name in a name, partial or full ARN; only the unpublished version exists here."""
    found = _NAME.fullmatch(reference)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Function not found: {reference}", 404)
    return found["name"]


def checked_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a function with Lambda's defaults; raises InvalidParameterValueException."""
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{given['FunctionName']}"}
    logging |= given.get("LoggingConfig", {})
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    settings = {
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
        **given,
        "LoggingConfig": logging,
    }
    require(settings.get("Handler"), "Handler is required for functions deployed as a zip file.")
    require(settings.get("Role"), "Role is required.")
    require(str(settings.get("Runtime")).startswith("python3."), f"{settings.get('Runtime')} is not played here.")
    require(1 <= settings["Timeout"] <= 900, "Timeout must be between 1 and 900 seconds.")
    require(128 <= settings["MemorySize"] <= 10240, "MemorySize must be between 128 and 10240 MB.")
    _check_variables(settings.get("Environment", {}).get("Variables", {}))
    return settings


def _check_variables(variables: Mapping[str, str]) -> None:
    start = "Lambda was unable to configure your environment variables because the environment variables you have "
    reserved = sorted(_RESERVED_VARIABLES & variables.keys())
    require(
        not reserved,
        f"{start}provided contains reserved keys that are currently not supported for modification. "
        f"Reserved keys used in this request: {', '.join(reserved)}",
    )
    size = len(json.dumps(dict(variables), separators=(",", ":")).encode())
    require(size <= _MAX_VARIABLES_BYTES, f"{start}provided exceeded the 4KB limit.")


def require(holds: object, message: str) -> None:
    """Raise InvalidParameterValueException unless ``holds``."""
    if not holds:
        raise AwsError("InvalidParameterValueException", message)
