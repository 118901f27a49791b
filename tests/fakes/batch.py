"""Transform jobs and the files they work on, in memory. A job works when ``settle`` is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.transform.files import count_lines, split_lines
from sluice.transform.input_listing import InputFile
from sluice.transform.jobs import TransformJob, TransformRefusedError

from tests.fakes.aws_state import Clock, FakeBucket, Faults
from tests.fakes.hosting import FakeHosting


@dataclass
class FakeFiles:
    """The same objects as the fake bucket's."""

    faults: Faults
    bucket: FakeBucket

    def below(self, folder: str) -> Iterator[InputFile]:
        def listed() -> list[InputFile]:
            found = sorted(key for key in self.bucket.objects if key.startswith(folder))
            return [InputFile(key=key, size=len(self.bucket.objects[key]), etag=self._etag(key)) for key in found]

        yield from self.faults.around(listed)

    def count_lines(self, key: str, etag: str = "") -> int | None:
        def counted() -> int | None:
            is_there = key in self.bucket.objects and (not etag or etag == self._etag(key))
            return count_lines([self.bucket.objects[key]]) if is_there else None

        return self.faults.around(counted)  # type: ignore[no-any-return]

    def lines(self, key: str, errors: str = "replace") -> Iterator[str]:
        yield from self.faults.around(lambda: list(split_lines([self.bucket.objects.get(key, b"")], errors)))

    def chunks(self, key: str, etag: str) -> Iterator[bytes] | None:
        def opened() -> Iterator[bytes] | None:
            is_there = key in self.bucket.objects and etag == self._etag(key)
            return iter([self.bucket.objects[key]]) if is_there else None

        return self.faults.around(opened)  # type: ignore[no-any-return]

    def write_chunks(self, key: str, chunks: Iterable[bytes]) -> None:
        content = b"".join(chunks)
        self.faults.around(lambda: self.bucket.objects.__setitem__(key, content))

    def write(self, key: str, text: str) -> None:
        self.faults.around(lambda: self.bucket.objects.__setitem__(key, text.encode(errors="surrogateescape")))

    def _etag(self, key: str) -> str:
        return hashlib.md5(self.bucket.objects[key]).hexdigest()


@dataclass
class FakeTransforms:
    """``answers`` says what a SageMaker model makes of a line; one that raises fails the job."""

    faults: Faults
    clock: Clock
    bucket: FakeBucket
    hosting: FakeHosting
    answers: dict[str, Callable[[str], str]] = field(default_factory=dict)
    jobs: dict[str, TransformJob] = field(default_factory=dict)
    requests: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    between: str = ""
    """What SageMaker puts between the output folder and a file's path, such as ``input/``: no document says."""

    def create(self, request: Mapping[str, Any]) -> bool:
        return self.faults.around(lambda: self._create(request))  # type: ignore[no-any-return]

    def describe(self, name: str) -> TransformJob | None:
        return self.faults.around(lambda: self.jobs.get(name))  # type: ignore[no-any-return]

    def stop(self, name: str) -> None:
        self.faults.around(lambda: self._end(name, "Stopped"))

    def settle(self) -> None:
        """Let every job that is going do its work."""
        for name in [name for name, job in self.jobs.items() if not job.has_ended]:
            try:
                written = self._work(self.requests[name])
            except ValueError as error:
                self._end(name, "Failed", str(error))
            else:
                self.bucket.objects.update(written)
                self._end(name, "Completed")

    def _create(self, request: Mapping[str, Any]) -> bool:
        name = request["TransformJobName"]
        if name in self.jobs:
            return False
        if request["ModelName"] not in self.hosting.models:
            raise TransformRefusedError(f"Could not find model {request['ModelName']}.")
        resources = request["TransformResources"]
        self.requests[name] = request
        self.jobs[name] = TransformJob(
            name=name,
            status="InProgress",
            reason="",
            created_at=self.clock.now(),
            started_at=self.clock.now(),
            instance_type=resources["InstanceType"],
            instance_count=resources["InstanceCount"],
        )
        return True

    def _end(self, name: str, status: str, reason: str = "") -> None:
        self.jobs[name] = replace(self.jobs[name], status=status, reason=reason, ended_at=self.clock.now())

    def _work(self, request: Mapping[str, Any]) -> dict[str, bytes]:
        answer = self.answers.get(request["ModelName"], _one)
        joins = request["DataProcessing"]["JoinSource"] == "Input"
        output = self._key(request["TransformOutput"]["S3OutputPath"])
        written = {}
        for path, content in self._sources(request["TransformInput"]["DataSource"]["S3DataSource"]):
            lines = [f"{line},{answer(line)}" if joins else answer(line) for line in split_lines([content])]
            written[f"{output}{self.between}{path}.out"] = "".join(f"{line}\n" for line in lines).encode()
        return written

    def _sources(self, source: Mapping[str, str]) -> list[tuple[str, bytes]]:
        key = self._key(source["S3Uri"])
        if source["S3DataType"] == "S3Prefix":
            found = [each for each in self.bucket.objects if each.startswith(key)]
            return [(each.rsplit("/", 1)[-1], self.bucket.objects[each]) for each in found]
        head, *names = json.loads(self.bucket.objects[key])
        folder = self._key(head["prefix"])
        return [(name, self.bucket.objects[folder + name]) for name in names]

    def _key(self, uri: str) -> str:
        return uri.removeprefix(f"s3://{self.bucket.name}/")


def _one(_line: str) -> str:
    return "1.0"
