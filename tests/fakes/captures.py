"""Data capture as a dictionary: what each variant of any endpoint was asked and answered."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from sluice.aws.data_capture import CaptureFile

from tests.fakes.aws_state import Faults


class FakeCaptures:
    """One file per variant."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.of: dict[str, list[str]] = defaultdict(list)

    def answered(self, variant: str, answers: Sequence[float]) -> None:
        """The variant answered to the same requests as every other, in order."""
        self.of[variant] = [
            json.dumps(
                {
                    "captureData": {"endpointInput": _text(number), "endpointOutput": _text(answer)},
                    "eventMetadata": {"eventId": f"{variant}-{number}"},
                }
            )
            for number, answer in enumerate(answers)
        ]

    def files(self, folder: str, _since: datetime, _until: datetime) -> list[CaptureFile]:
        found: list[CaptureFile] = self._faults.around(lambda: [CaptureFile(folder, 100, "00")])
        return found

    def lines(self, files: Sequence[CaptureFile]) -> Iterator[str]:
        for each in files:
            answered = self.of[each.key.rsplit("/", 1)[-1]]
            yield from self._faults.around(partial(list, answered))


def _text(value: float) -> dict[str, str]:
    return {"data": f"{value}", "encoding": "CSV"}
