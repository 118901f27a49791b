"""What data capture records of a request and its answer, and in which object. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.services.sagemaker.resources.timestamps import iso

_MODES = {"Input": {"Input"}, "Output": {"Output"}, "InputAndOutput": {"Input", "Output"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A DataCaptureConfig that is switched on."""

    percent: float
    bucket: str
    prefix: str
    modes: frozenset[str]  # of Input and Output
    csv: frozenset[str]  # media types recorded as text
    json: frozenset[str]
    kms_key: str | None = None

    def samples(self, draw: float) -> bool:
        """Whether a request with this draw, 0 to 1, belongs to the sample."""
        return draw * 100 < self.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. Content types as observed, possibly with parameters."""

    event_id: str
    at: datetime
    request: bytes
    request_type: str
    answer: bytes
    answer_type: str
    inference_id: str | None = None


def capture_of(config: Mapping[str, Any]) -> Capture | None:
    """What an endpoint config (a request of CreateEndpointConfig) wants captured; None if nothing."""
    wanted = config.get("DataCaptureConfig") or {}
    if not wanted.get("EnableCapture"):
        return None
    bucket, _, prefix = wanted["DestinationS3Uri"].partition("://")[2].partition("/")
    types = wanted.get("CaptureContentTypeHeader") or {}
    return Capture(
        percent=wanted["InitialSamplingPercentage"],
        bucket=bucket,
        prefix=prefix.strip("/"),
        modes=frozenset().union(*(_MODES[option["CaptureMode"]] for option in wanted["CaptureOptions"])),
        csv=frozenset(map(str.lower, types.get("CsvContentTypes") or ())),
        json=frozenset(map(str.lower, types.get("JsonContentTypes") or ())),
        kms_key=wanted.get("KmsKeyId") or None,
    )


def folder(capture: Capture, endpoint: str, variant: str, at: datetime) -> str:
    """Where what was captured of a variant in one hour (UTC) lies in the bucket, with a slash at the end."""
    parts = (capture.prefix, endpoint, variant, f"{at:%Y/%m/%d/%H}")
    return "/".join(part for part in parts if part) + "/"


def record_line(capture: Capture, exchange: Exchange) -> str:
    """One line of a .jsonl object, without its end."""
    data: dict[str, Any] = {}
    if "Input" in capture.modes:
        data["endpointInput"] = _side(capture, "INPUT", exchange.request, exchange.request_type)
    if "Output" in capture.modes:
        data["endpointOutput"] = _side(capture, "OUTPUT", exchange.answer, exchange.answer_type)
    metadata = {"eventId": exchange.event_id, "inferenceTime": iso(exchange.at)}
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})


def _side(capture: Capture, mode: str, body: bytes, content_type: str) -> dict[str, str]:
    encoding = _encoding(capture, content_type)
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _encoding(capture: Capture, content_type: str) -> str:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in capture.csv:
        return "CSV"
    return "JSON" if media_type in capture.json else "BASE64"
