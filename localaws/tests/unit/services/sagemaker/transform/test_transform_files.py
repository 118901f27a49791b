"""One instance of a transform job, with a container of our making: order, retries, blame, stops."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from localaws.services.sagemaker.containers.container import Container, ContainerResponse, SlowError, UnreachableError
from localaws.services.sagemaker.containers.s3_storage import S3Uri, Source
from localaws.services.sagemaker.transform.transform_files import FileError, StoppedError, TransformInstance, distribute
from localaws.services.sagemaker.transform.transform_records import processing_of
from localaws.services.sagemaker.transform.transform_settings import settings_of

SOURCE = Source(S3Uri("bucket", "in/a.csv"), "a.csv")


@dataclass
class Model:
    """Answers each row in upper case, after the outcomes it was told to begin with."""

    first: list[int | Exception] = field(default_factory=list)
    asked: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> ContainerResponse:
        with self.lock:
            self.asked += 1
            outcome = self.first.pop(0) if self.first else 200
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if isinstance(outcome, Exception):
                raise outcome
            return ContainerResponse(outcome, body.upper() if outcome == 200 else b"no", {})
        finally:
            with self.lock:
                self.at_once -= 1


class Bucket:
    """Stands for S3."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_object(self, **_where: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._content)}


def transformed(model: Model, directory: Path, content: bytes, *, stopped: bool = False, **request: Any) -> bytes:
    """The output for an object with ``content``; ``request`` are members of CreateTransformJob."""
    given = {
        "TransformInput": {"ContentType": "text/csv", "SplitType": "Line", **request.pop("source", {})},
        "TransformOutput": {"AssembleWith": "Line"},
        **request,
    }
    instance = TransformInstance(
        container=cast(Container, model),
        settings=settings_of(given, {}),
        processing=processing_of(given),
        is_gzipped=given["TransformInput"].get("CompressionType") == "Gzip",
        is_stopped=lambda: stopped,
        note=lambda _text: None,
    )
    output = directory / "a.csv.out"
    instance.transform(Bucket(content), SOURCE, output)
    return output.read_bytes()


def test_records_come_out_in_their_order_whatever_is_done_at_once(tmp_path: Path) -> None:
    rows = b"".join(b"row-%d\n" % number for number in range(300))
    model = Model()
    out = transformed(model, tmp_path, rows, BatchStrategy="SingleRecord", MaxConcurrentTransforms=8)
    assert out == rows.upper()
    assert model.asked == 300
    assert model.most_at_once <= 8
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv.out"]  # the copy of the input is gone


@pytest.mark.parametrize("trouble", [500, 503, 429, SlowError("slow"), UnreachableError("gone")], ids=str)
def test_what_may_pass_is_tried_again(tmp_path: Path, trouble: int | Exception) -> None:
    model = Model(first=[trouble, trouble])
    assert transformed(model, tmp_path, b"a\n") == b"A\n"
    assert model.asked == 3


@pytest.mark.parametrize(
    ("trouble", "retries", "asked", "blame"),
    [
        (415, 3, 1, "ClientError"),
        (500, 0, 1, "AlgorithmError"),
        (500, 2, 3, "AlgorithmError"),
        (UnreachableError("gone"), 1, 2, "AlgorithmError"),
    ],
    ids=str,
)
def test_what_does_not_pass_is_blamed(
    tmp_path: Path, trouble: int | Exception, retries: int, asked: int, blame: str
) -> None:
    model = Model(first=[trouble] * 9)
    with pytest.raises(FileError) as failure:
        transformed(model, tmp_path, b"a\n", ModelClientConfig={"InvocationsMaxRetries": retries})
    assert (failure.value.blame, model.asked) == (blame, asked)


def test_a_stopped_job_asks_nothing(tmp_path: Path) -> None:
    model = Model()
    with pytest.raises(StoppedError):
        transformed(model, tmp_path, b"a\n", stopped=True)
    assert model.asked == 0


def test_gzip_is_opened_and_what_is_no_gzip_is_the_clients_error(tmp_path: Path) -> None:
    source = {"CompressionType": "Gzip"}
    assert transformed(Model(), tmp_path, gzip.compress(b"a\r\nb"), source=source) == b"A\nB\n"
    with pytest.raises(FileError) as failure:
        transformed(Model(), tmp_path, b"plain", source=source)
    assert failure.value.blame == "ClientError"


def test_an_empty_object_gives_an_empty_one(tmp_path: Path) -> None:
    model = Model()
    assert transformed(model, tmp_path, b"") == b""
    assert model.asked == 0


def test_the_container_decides_what_the_request_leaves_open() -> None:
    suggested = {"MaxConcurrentTransforms": 5, "MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"}
    request: dict[str, Any] = {"TransformInput": {}, "TransformOutput": {}}
    settings = settings_of(request, suggested)
    assert (settings.concurrent, settings.max_bytes, settings.max_records) == (5, 2 * 1024 * 1024, 1)
    own = settings_of({**request, "BatchStrategy": "MultiRecord", "MaxPayloadInMB": 1}, suggested)
    assert (own.concurrent, own.max_bytes, own.max_records) == (5, 1024 * 1024, None)


def test_objects_are_dealt_whole() -> None:
    sources = [Source(S3Uri("bucket", name), name) for name in "abc"]
    assert [[source.path for source in share] for share in distribute(sources, 2)] == [["a", "c"], ["b"]]
    assert distribute(sources[:1], 3)[1:] == [[], []]
