"""Resource policies of functions: which services may invoke them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError

_MISSING = "The resource you requested does not exist."


class ResourcePolicies:
    """The policy of each function, a statement per AddPermission."""

    def __init__(self) -> None:
        self._statements: dict[str, dict[str, dict[str, Any]]] = {}  # function → statement id → statement
        self._lock = threading.Lock()

    def add(self, function: str, function_arn: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Add the statement AddPermission asks for and return it."""
        statement = _statement(function_arn, params)
        with self._lock:
            statements = self._statements.setdefault(function, {})
            if statement["Sid"] in statements:
                message = f"The statement id ({statement['Sid']}) provided already exists. Please provide a new one."
                raise AwsError("ResourceConflictException", message, 409)
            statements[statement["Sid"]] = statement
        return statement

    def remove(self, function: str, statement_id: str) -> None:
        with self._lock:
            if self._statements.get(function, {}).pop(statement_id, None) is None:
                raise AwsError("ResourceNotFoundException", _MISSING, 404)

    def forget(self, function: str) -> None:
        """Drop the policy of a deleted function."""
        with self._lock:
            self._statements.pop(function, None)

    def document(self, function: str) -> str:
        """The policy as JSON; a function without statements has none."""
        with self._lock:
            statements = list(self._statements.get(function, {}).values())
        if not statements:
            raise AwsError("ResourceNotFoundException", _MISSING, 404)
        return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})


def _statement(function_arn: str, params: Mapping[str, Any]) -> dict[str, Any]:
    principal = params["Principal"]
    is_service = principal.endswith(".amazonaws.com")
    statement: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": {"Service": principal} if is_service else {"AWS": principal},
        "Action": params["Action"],
        "Resource": function_arn,
    }
    condition: dict[str, dict[str, str]] = {}
    if "SourceArn" in params:
        condition["ArnLike"] = {"AWS:SourceArn": params["SourceArn"]}
    if "SourceAccount" in params:
        condition["StringEquals"] = {"AWS:SourceAccount": params["SourceAccount"]}
    if condition:
        statement["Condition"] = condition
    return statement
