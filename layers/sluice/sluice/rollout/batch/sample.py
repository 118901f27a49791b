"""The sample on which a new version of a batch model is compared with the current one, and its two transform jobs.

batch/<model>/samples/<rollout>/sample.csv             the first rows of the last run's files
batch/<model>/samples/<rollout>/output/current/…       answers of the version in service
batch/<model>/samples/<rollout>/output/new/…           answers of the new version
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Literal

from sluice.errors import PermanentError, RetryableError
from sluice.rollout.model.plan import PlannedFleet
from sluice.rollout_id import RolloutId
from sluice.spec.serving import Batch
from sluice.transform.input_listing import BatchInput
from sluice.transform.jobs import NoCapacityError, TransformJob, TransformRefusedError
from sluice.transform.locations import manifest_key, sample_folder
from sluice.transform.output_listing import match_outputs
from sluice.transform.request import TransformJobRequest, transform_request

if TYPE_CHECKING:
    from sluice.rollout.batch.ports import BatchRolloutPorts

Side = Literal["current", "new"]
SIDES: tuple[Side, Side] = ("current", "new")

_NAME = "sample.csv"
_BYTE_ORDER_MARK = "\ufeff"
MAX_FILES = 20
MAX_BYTES = 16 * 1024 * 1024


class NoSampleError(PermanentError):
    """There is nothing to compare versions on, or with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSample:
    """A rollout's sample: where it lies, and the jobs that score it."""

    rollout: RolloutId
    names: tuple[str, str]  # of the jobs, as in SIDES

    @classmethod
    def of(cls, rollout: RolloutId, ports: BatchRolloutPorts) -> ComparisonSample:
        current, new = (ports.names.rollout_resource(str(rollout), side) for side in SIDES)
        return cls(rollout=rollout, names=(current, new))

    @property
    def key(self) -> str:
        return f"{sample_folder(self.rollout)}{_NAME}"

    def output_folder(self, side: Side) -> str:
        return f"{sample_folder(self.rollout)}output/{side}/"

    def answers_key(self, side: Side, ports: BatchRolloutPorts) -> str:
        """The key of one side's answers, wherever below its folder SageMaker has put them; of no object before that."""
        folder = self.output_folder(side)
        outputs = match_outputs([_NAME], folder, (each.key for each in ports.files.below(folder)))
        return outputs.get(_NAME, folder)


def write_sample(sample: ComparisonSample, input_digest: str, rows: int, ports: BatchRolloutPorts) -> None:
    """Take an equal share of rows from each of the last run's files, at most twenty of them; once per rollout.

    Raises:
        NoSampleError: none of the files is there any more.
    """
    if next(iter(ports.files.below(sample.key)), None) is not None:
        return  # jobs may be reading it
    model = sample.rollout.model
    manifest = ports.bucket.read(ports.bucket.uri(f"{manifest_key(model, input_digest)}.json"))
    files = BatchInput.parse(manifest).files[:MAX_FILES] if manifest else ()
    lines: list[str] = []
    size = 0
    for each in files:
        # Byte for byte: the rows may be in another encoding. A mark that begins a file would be inside of the sample.
        found = ports.files.lines(each.key, errors="surrogateescape")
        for number, whole in enumerate(islice(found, ceil(rows / len(files)))):
            line = whole.removeprefix(_BYTE_ORDER_MARK) if number == 0 else whole
            size += len(line) + 1
            if len(lines) == rows or size > MAX_BYTES:
                break
            lines.append(line)
    if not lines:
        raise NoSampleError("nothing is left of the last input")
    ports.files.write(sample.key, "".join(f"{line}\n" for line in lines))


def score_sample(
    sample: ComparisonSample, fleets: tuple[PlannedFleet, PlannedFleet], settings: Batch, ports: BatchRolloutPorts
) -> Sequence[TransformJob]:
    """The two jobs as they are now. Missing ones are started if the quota has room, and returned by the next call.

    Each has one instance and joins no input: only answers are compared.

    Raises:
        NoSampleError: the version in use cannot be run any more, so there are no answers to compare with.
        RetryableError: SageMaker does not take a job now.
    """
    alone = replace(settings, instance_count=1, join_input=False, output_filter="$")
    found = []
    for name, side, fleet in zip(sample.names, SIDES, fleets, strict=True):
        known = ports.transforms.describe(name)
        if known is not None:
            found.append(known)
            continue
        job = TransformJobRequest(
            name=name,
            model=fleet.model,
            source=ports.bucket.uri(sample.key),
            source_type="S3Prefix",
            output=ports.bucket.uri(sample.output_folder(side)),
            instance_type=fleet.instance_type,
        )
        _start(job, side, alone, ports)
    return found


def _start(job: TransformJobRequest, side: Side, settings: Batch, ports: BatchRolloutPorts) -> None:
    try:
        ports.transforms.create(transform_request(job, settings))
    except NoCapacityError as error:
        # It waits for the other side's instance, or for a batch run's.
        ports.telemetry.log("transform job waits for an instance", job=job.name, reason=str(error))
    except TransformRefusedError as error:
        if side == "current":
            raise NoSampleError(f"the version in use cannot be run: {error}") from error
        raise RetryableError(str(error)) from error  # a new model is eventually consistent


def stop_scoring(sample: ComparisonSample, ports: BatchRolloutPorts) -> None:
    """Stop jobs that are still in progress: their answers are no longer needed."""
    for name in sample.names:
        known = ports.transforms.describe(name)
        if known and known.status == "InProgress":
            ports.transforms.stop(name)
