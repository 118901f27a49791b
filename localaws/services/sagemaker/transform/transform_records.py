"""What batch transform does to records: cutting into mini-batches, filtering, joining with the predictions. Pure.

A record is bytes without its line end. CSV rows count as arrays of their cells, as SageMaker has it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.services.sagemaker.transform.json_path import JsonPath, PathError

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
FORMATS = (CSV, JSON, JSON_LINES)

_CELL = r'(?:[^",]*|"[^"]*(?:""[^"]*)*")'
_ROW = re.compile(f"{_CELL}(?:,{_CELL})*")


class RecordError(Exception):
    """Records or predictions are not what the job's settings say; the text is for the job's log."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that go to the model in one request."""

    records: tuple[bytes, ...]  # as they were in the input
    payload: bytes  # as they are sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """The job's DataProcessing. ``format`` is one of FORMATS; it matters only where something is filtered or joined."""

    format: str
    input_filter: JsonPath
    output_filter: JsonPath
    joins_input: bool

    @property
    def shapes_output(self) -> bool:
        """Whether predictions are looked at record by record."""
        return self.joins_input or not self.output_filter.is_root

    def model_input(self, record: bytes) -> bytes:
        """What the model gets of a record; raises RecordError."""
        if self.input_filter.is_root:
            return record
        return self._write(self._select(self.input_filter, self._read(record)))

    def output(self, records: Sequence[bytes], answer: bytes) -> bytes:
        """What the output file gets for the model's answer to a mini-batch; raises RecordError."""
        if not self.shapes_output:
            return answer
        predictions = [answer] if self.format == JSON and len(records) == 1 else _lines(answer)
        if len(predictions) != len(records):
            raise RecordError(f"{len(predictions)} predictions for {len(records)} records: they cannot be joined")
        return b"".join(self._joined(*pair) + b"\n" for pair in zip(records, predictions, strict=True))

    def _joined(self, record: bytes, prediction: bytes) -> bytes:
        if self.format == CSV and self.output_filter.is_root:
            self._read(record)  # each row is joined as an array of its cells (API_DataProcessing): it has to be one
            return record + b"," + prediction  # cell for cell what it was
        value = self._read(prediction)
        if self.joins_input:
            value = self._join(self._read(record), value)
        return self._write(self._select(self.output_filter, value))

    def _join(self, record: Any, prediction: Any) -> Any:
        """CSV: the prediction's cells behind the record's. JSON: the prediction as a member of the record."""
        if self.format == CSV:
            return record + prediction
        if isinstance(record, dict):
            return {**record, "SageMakerOutput": prediction}
        return {"SageMakerInput": record, "SageMakerOutput": prediction}

    def _select(self, path: JsonPath, value: Any) -> Any:
        try:
            return path.select(value)
        except PathError as error:
            raise RecordError(str(error)) from error

    def _read(self, record: bytes) -> Any:
        try:
            text = record.decode()
            return _cells(text) if self.format == CSV else json.loads(text)
        except (ValueError, csv.Error) as error:
            raise RecordError(f"Failed to parse {record[:80]!r} as {self.format}: {error}") from error

    def _write(self, value: Any) -> bytes:
        if self.format != CSV:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return out.getvalue().encode()


def _cells(text: str) -> list[str]:
    """The cells of one row; ValueError for what AWS's parser refuses and Python's would read.

    Source: "Failed to parse input as CSV: bare \\" in non quoted field found near …", of a transform job, in
    https://github.com/aws/amazon-sagemaker-examples/issues/898. A record ends at its line's end, so that a quote which
    is still open there is never closed.
    """
    if _ROW.fullmatch(text) is None:
        bare = re.search(r'(?:^|,)[^",][^,"]*"', text)
        raise ValueError(
            'bare " in non quoted field found' if bare else "a quoted field is not closed, or text follows it"
        )
    return next(csv.reader([text], strict=True), [])


def processing_of(request: Mapping[str, Any]) -> Processing:
    """The DataProcessing of a CreateTransformJob request; raises PathError for a filter that cannot be read."""
    given = request.get("DataProcessing") or {}
    return Processing(
        format=media_type((request["TransformInput"].get("ContentType")) or CSV),
        input_filter=JsonPath.parse(given.get("InputFilter") or "$"),
        output_filter=JsonPath.parse(given.get("OutputFilter") or "$"),
        joins_input=given.get("JoinSource") == "Input",
    )


def media_type(text: str) -> str:
    """``text/csv; charset=utf-8`` → ``text/csv``."""
    return text.partition(";")[0].strip().lower()


def mini_batches(
    records: Iterable[bytes], processing: Processing, *, max_bytes: int, max_records: int | None
) -> Iterator[Batch]:
    """Pack lines, in order, as many as fit into ``max_bytes``; raises RecordError for one that never fits."""
    held: list[bytes] = []
    lines: list[bytes] = []
    size = 0
    for record in records:
        line = processing.model_input(record) + b"\n"
        if len(line) - 1 > max_bytes:
            raise RecordError("Too much data for max payload size")
        if held and (size + len(line) - 1 > max_bytes or len(held) == max_records):
            yield Batch(tuple(held), b"".join(lines))
            held, lines, size = [], [], 0
        held.append(record)
        lines.append(line)
        size += len(line)
    if held:
        yield Batch(tuple(held), b"".join(lines))


def whole_file(content: bytes, processing: Processing, *, max_bytes: int) -> Batch:
    """A file that is not split is one request; raises RecordError when it is too large."""
    payload = processing.model_input(content)
    if len(payload) > max_bytes:
        raise RecordError("Too much data for max payload size")
    return Batch((content,), payload)


def assembled(part: bytes, *, by_line: bool) -> bytes:
    """A mini-batch's output as it goes into the file: AssembleWith Line ends it with a line end."""
    return part if not by_line or part.endswith(b"\n") else part + b"\n"


def _lines(answer: bytes) -> list[bytes]:
    return answer.rstrip(b"\n").split(b"\n") if answer.strip() else []
