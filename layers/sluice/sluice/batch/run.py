"""One run of batch inference: what was requested, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sluice.stored import known_fields
from sluice.transform.locations import set_aside_folder

BatchPhase = Literal["starting", "running", "completed", "failed", "skipped"]
ENDED: tuple[BatchPhase, ...] = ("completed", "failed", "skipped")

REFUSED = "Refused"
"""``job_status`` of a run whose job SageMaker refused, so that there was none."""

ADDED_FIELDS = ("given_digest", "rows_set_aside", "job_status", "end_told")
"""What release 0.2 does not know of a run and would refuse to read: stored apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRun:
    """A request to score files, and the transform job it became."""

    job: str  # the transform job's name, even if no job was created
    model: str
    request: str
    requested_at: datetime
    phase: BatchPhase
    folder: str = ""  # of the input, as a key; as requested if that is not a valid folder
    reason: str = ""  # why it was skipped, or how it failed
    version: int = 0
    sagemaker_model: str = ""
    given_digest: str = ""  # of the manifest of the files as they were given
    input_digest: str = ""  # of the manifest that the job gets; empty until the files have been checked
    rows_set_aside: int = 0  # which no job can score
    files: int = 0
    size: int = 0  # bytes
    job_status: str = ""  # Completed | Failed | Stopped, once the job has ended; or REFUSED
    end_told: bool = True  # False from the end on until people were told; earlier releases told before they kept it
    ended_at: datetime | None = None
    seconds: float | None = None  # from the job's start to its end
    rows_in: int | None = None
    rows_out: int | None = None
    estimated_usd: float | None = None

    @property
    def set_aside(self) -> str:
        """The folder of the rows that were left out, as a key; empty if there are none."""
        return set_aside_folder(self.model, self.job) if self.rows_set_aside else ""

    @property
    def has_ended(self) -> bool:
        return self.phase in ENDED

    @property
    def had_job(self) -> bool:
        """Whether the run has ended with its job, and not without one."""
        return self.job_status not in ("", REFUSED)

    def to_json(self) -> dict[str, Any]:
        """The item as ``parse`` reads it back."""
        fields = asdict(self)
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """A run as ``to_json`` wrote it, in this release, an earlier or a later one: what is unknown is left out."""
        times = {name: raw.get(name) for name in ("requested_at", "ended_at")}
        known = known_fields(cls, raw)
        return cls(**{**known, **{name: at and datetime.fromisoformat(at) for name, at in times.items()}})
