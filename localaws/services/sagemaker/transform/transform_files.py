"""Processes files on one instance of a transform job: mini-batches to the model, outputs in the order of records."""

from __future__ import annotations

import gzip
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from localaws.services.sagemaker.containers.container import (
    Container,
    ContainerResponse,
    RetiredError,
    SlowError,
    UnreachableError,
)
from localaws.services.sagemaker.containers.s3_storage import Source
from localaws.services.sagemaker.transform.transform_records import (
    Batch,
    Processing,
    RecordError,
    assembled,
    mini_batches,
    whole_file,
)
from localaws.services.sagemaker.transform.transform_settings import Settings

CLIENT, ALGORITHM = "ClientError", "AlgorithmError"
TOO_MANY_REQUESTS = 429


class FileError(Exception):
    """One input object could not be transformed. ``blame`` is the first word of the job's FailureReason."""

    def __init__(self, blame: str, message: str) -> None:
        super().__init__(message)
        self.blame = blame


class StoppedError(Exception):
    """The job is being stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformInstance:
    """A container and how to use it. ``note`` writes a line into the job's data log."""

    container: Container
    settings: Settings
    processing: Processing
    is_gzipped: bool
    is_stopped: Callable[[], bool]
    note: Callable[[str], None]
    line_end: bytes = b"\r\n"  # the bytes that are no part of a record at the end of its line

    def transform(self, s3: Any, source: Source, output: Path) -> None:
        """Write to ``output`` what the model makes of one object; raises FileError or StoppedError."""
        original = output.with_name(output.name + ".in")
        output.parent.mkdir(parents=True, exist_ok=True)
        with original.open("wb") as copy:
            shutil.copyfileobj(s3.get_object(Bucket=source.uri.bucket, Key=source.uri.key)["Body"], copy)
        try:
            with self._open(original) as lines, output.open("wb") as out:
                for part in self._parts(self._batches(lines)):
                    out.write(assembled(part, by_line=self.settings.assembles_lines))
        except RecordError as error:
            raise FileError(CLIENT, str(error)) from error
        except (gzip.BadGzipFile, EOFError) as error:
            raise FileError(CLIENT, f"Failed to decompress: {error}") from error
        finally:
            original.unlink()

    def _open(self, path: Path) -> IO[bytes]:
        if self.is_gzipped:
            return cast(IO[bytes], gzip.open(path))
        return path.open("rb")

    def _batches(self, content: IO[bytes]) -> Iterator[Batch]:
        settings = self.settings
        if not settings.splits_lines:
            return iter([whole_file(content.read(), self.processing, max_bytes=settings.max_bytes)])
        records = (line.rstrip(self.line_end) for line in content)
        return mini_batches(records, self.processing, max_bytes=settings.max_bytes, max_records=settings.max_records)

    def _parts(self, batches: Iterator[Batch]) -> Iterator[bytes]:
        """The batches' outputs in order, while as many as allowed are under way."""
        under_way: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(self.settings.concurrent) as pool:
            try:
                for batch in batches:
                    under_way.append(pool.submit(self._transformed, batch))
                    if len(under_way) >= 2 * self.settings.concurrent:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                for future in under_way:
                    future.cancel()

    def _transformed(self, batch: Batch) -> bytes:
        return self.processing.output(batch.records, self._answer(batch.payload))

    def _answer(self, payload: bytes) -> bytes:
        """The model's answer; a server's error, a timeout or none is tried again, a client's error is not."""
        problem = FileError(ALGORITHM, "not sent")
        for _attempt in range(1 + self.settings.retries):
            if self.is_stopped():
                raise StoppedError
            try:
                answer = self.container.invoke(payload, self.settings.headers, self.settings.timeout_seconds)
            except (SlowError, UnreachableError, RetiredError) as error:
                problem = FileError(ALGORITHM, f"Unable to get response from algorithm: {error}")
                continue
            if 200 <= answer.status < 300:
                return answer.body
            problem = _refused(answer)
            if answer.status < 500 and answer.status != TOO_MANY_REQUESTS:
                break
            self.note(str(problem))
        raise problem


def _refused(answer: ContainerResponse) -> FileError:
    blame = CLIENT if answer.status < 500 else ALGORITHM
    text = answer.body.decode(errors="replace")[:500]
    return FileError(blame, f"Bad HTTP status received from algorithm: {answer.status}\n{text}")


def distribute(sources: Sequence[Source], instances: int) -> list[list[Source]]:
    """The objects of each instance. SageMaker never splits one object over instances; some may go without."""
    return [list(sources[index::instances]) for index in range(instances)]
