"""Invokes the Lambda functions that decide on gates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.gates.gates import MAX_ANSWER_BYTES, GateResponse, read_response


class GateFunctions:
    """Asks the Lambda functions that keep gates."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, arn: str, question: Mapping[str, Any]) -> GateResponse:
        """The function's answer. One that cannot be invoked, fails or answers anything else keeps its gate closed."""
        try:
            said = self._client.invoke(FunctionName=arn, Payload=json.dumps(question, default=str).encode())
            payload = said["Payload"].read(MAX_ANSWER_BYTES + 1)
        except RETRYABLE_ERRORS as error:
            return GateResponse(False, f"could not be asked: {error}")
        return read_response(payload, failed=bool(said.get("FunctionError")))
