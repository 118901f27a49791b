"""A client of an asynchronous endpoint: sends a steady rate of requests for one object in S3 and keeps their ids."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class Submitting:
    """``rate`` requests a second until ``stop``. It does not try again: what is refused is counted."""

    def __init__(self, client: Any, endpoint: str, location: str, *, rate: float, prefix: str) -> None:
        self._client = client
        self._endpoint = endpoint
        self._location = location
        self._pause_seconds = 1 / rate
        self._prefix = prefix
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.ids: list[str] = []
        self.refused: list[str] = []

    def __enter__(self) -> Submitting:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        number = 0
        while not self._stopping.wait(self._pause_seconds):
            number += 1
            inference_id = f"{self._prefix}-{number:04}"
            try:
                self._client.invoke_endpoint_async(
                    EndpointName=self._endpoint,
                    InputLocation=self._location,
                    InferenceId=inference_id,
                    ContentType="text/csv",
                )
                self.ids.append(inference_id)
            except (BotoCoreError, ClientError) as error:
                self.refused.append(str(error))
