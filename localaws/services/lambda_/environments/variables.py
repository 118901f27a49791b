"""The environment variables of an execution environment: Lambda's own and the function's, nothing of the host's."""

from __future__ import annotations

from collections.abc import Mapping

from localaws.services.lambda_.functions.functions import Function


def environment_variables(
    function: Function, *, region: str, endpoint_url: str, credentials: Mapping[str, str]
) -> dict[str, str]:
    """What the code sees. The endpoint comes last, so that no function talks past the local AWS."""
    settings = function.settings
    logging = settings["LoggingConfig"]
    log_format = (
        {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"]}
        if function.logs_json
        else {"AWS_LAMBDA_LOG_FORMAT": "Text"}
    )
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": ":".join(str(path) for path in function.python_paths),
        "LAMBDA_TASK_ROOT": str(function.code.path),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings['Runtime']}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings["MemorySize"]),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "_HANDLER": settings["Handler"],
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **log_format,
        **function.variables,
        **credentials,
        "AWS_ENDPOINT_URL": endpoint_url,
    }
