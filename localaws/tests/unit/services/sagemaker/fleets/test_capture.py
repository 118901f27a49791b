"""What is recorded of a request and its answer, and where it lies."""

import base64
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.services.sagemaker.fleets.capture import Exchange, capture_of, folder, record_line
from localaws.services.sagemaker.fleets.capture_files import file_name

AT = datetime(2026, 3, 4, 9, 5, 6, 78_000, tzinfo=UTC)


def config(**more: Any) -> dict[str, Any]:
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://bucket/some/where/",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
    return {"DataCaptureConfig": {**capture, **more}}


def exchange(**more: Any) -> Exchange:
    given: dict[str, Any] = {
        "event_id": "e1",
        "at": AT,
        "request": b"1,2,3",
        "request_type": "text/csv; charset=utf-8",
        "answer": b'{"score": 4}',
        "answer_type": "application/json",
    }
    return Exchange(**{**given, **more})


def recorded(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    capture = capture_of(settings)
    assert capture is not None
    line: dict[str, Any] = json.loads(record_line(capture, exchange(**more)))
    return line


def test_a_record_has_the_format_of_sagemaker() -> None:
    assert recorded(config(), inference_id="i1") == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "INPUT",
                "data": "1,2,3",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": '{"score": 4}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {"eventId": "e1", "inferenceId": "i1", "inferenceTime": "2026-03-04T09:05:06Z"},
        "eventVersion": "0",
    }


def test_without_an_inference_id_there_is_none() -> None:
    assert set(recorded(config())["eventMetadata"]) == {"eventId", "inferenceTime"}


def test_content_types_that_are_not_listed_are_encoded() -> None:
    side = recorded(config(CaptureContentTypeHeader={"JsonContentTypes": ["application/json"]}))
    assert side["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert base64.b64decode(side["captureData"]["endpointInput"]["data"]) == b"1,2,3"


@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        pytest.param(["Input"], {"endpointInput"}, id="input"),
        pytest.param(["Output"], {"endpointOutput"}, id="output"),
        pytest.param(["InputAndOutput"], {"endpointInput", "endpointOutput"}, id="both in one"),
    ],
)
def test_only_what_was_asked_for_is_recorded(modes: list[str], sides: set[str]) -> None:
    settings = config(CaptureOptions=[{"CaptureMode": mode} for mode in modes])
    assert set(recorded(settings)["captureData"]) == sides


def test_a_lying_switch_means_nothing_is_captured() -> None:
    assert capture_of({}) is None
    assert capture_of(config(EnableCapture=False)) is None


@pytest.mark.parametrize(("draw", "taken"), [(0.0, True), (0.199, True), (0.2, False), (0.999, False)])
def test_the_sample(draw: float, taken: bool) -> None:
    capture = capture_of(config())
    assert capture is not None
    assert capture.samples(draw) is taken


@pytest.mark.parametrize("percent", [0, 100])
def test_the_ends_of_the_scale_are_exact(percent: int) -> None:
    capture = capture_of(config(InitialSamplingPercentage=percent))
    assert capture is not None
    assert {capture.samples(draw / 100) for draw in range(100)} == {percent == 100}


def test_where_it_lies() -> None:
    capture = capture_of(config())
    assert capture is not None
    assert (capture.bucket, folder(capture, "Spend", "v7", AT)) == ("bucket", "some/where/Spend/v7/2026/03/04/09/")
    bare = capture_of(config(DestinationS3Uri="s3://bucket"))
    assert bare is not None
    assert folder(bare, "Spend", "v7", AT) == "Spend/v7/2026/03/04/09/"
    assert file_name(AT, uuid.UUID(int=5)) == "05-06-078-00000000-0000-0000-0000-000000000005.jsonl"
