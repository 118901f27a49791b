"""Gathering: what waits for a model becomes one run after the other, never two at a time.

A model's turn goes claimed → started → taken → free, and each step may be repeated by anyone at any time: all that
a step needs was written down by the one before, and it is entered by a conditional write. So whoever is woken, by
an upload, the end of a run or the sweep, takes the turn as far as it will go.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.errors import AwsError, RetryableError
from sluice.events import PipelineStatusChanged
from sluice.training.manifest import File, Manifest, added, native_key, rich_key
from sluice.training.pending_inputs import Waiting
from sluice.training.pipeline_parameters import live_parameters
from sluice.training.run_selection import TOLERANCE, Chosen, choose, fates, is_settled
from sluice.training.run_slot import Turn, run_name, run_token

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

MOST_STEPS = 12
RETRY_SECONDS = 20
"""After how long a start is tried again that AWS had no room for."""
INVALID_REQUEST = ("ValidationException", "ParamValidationError")
"""Codes of a request that SageMaker, or boto3 before it, will never accept."""

CLOCK_SLACK = timedelta(minutes=5)
FILES_TOLD = 100
"""Files named in an event, the rest is in the manifest: EventBridge refuses an event that is too large."""


class ManifestGoneError(RetryableError):
    """A manifest that the model's turn goes by was deleted; once it is restored, the turn goes on."""


def advance(model: str, ports: TrainingPorts) -> None:
    """Take the model's turn as far as it will go now.

    Raises:
        ManifestGoneError: this model can do nothing before a person has restored the file that is named.
    """
    for _ in range(MOST_STEPS):
        turn = ports.turns.get(model)
        if not _step(model, turn, ports):
            return
    ports.wakeups.book(model, 1)


def run_ended(changed: PipelineStatusChanged, ports: TrainingPorts) -> bool:
    """Note the end of a model's run and have its turn looked at; False if it was not the model's current run.

    The run is known by its display name, which is ours: the event may come before the execution was noted.
    """
    model = ports.names.model_of(changed.pipeline)
    if model is None or not ports.turns.mark_ended(model, changed.display_name, changed.status):
        return False
    ports.wakeups.book(model, 0)
    return True


def _step(model: str, turn: Turn | None, ports: TrainingPorts) -> bool:
    """One step; True if there may be another."""
    if turn is None or turn.phase == "free":
        return _claim(model, turn, ports)
    if turn.phase == "claimed":
        return _start(turn, ports)
    if turn.phase == "started":
        return _take(turn, ports)
    if not turn.ended:
        return False
    ports.turns.move(turn, "free")
    return True


def _claim(model: str, last: Turn | None, ports: TrainingPorts) -> bool:
    waiting = ports.waiting.of(model)
    if not (waiting.files or waiting.requests):
        return False
    spec, now = ports.specs.get(model), ports.now()
    if not is_settled(waiting.files, spec.data.settle_seconds, now):
        return False  # a later upload has booked a later wake-up
    base = _known_files(model, last.newest, ports) if last else ()
    waiting, current = _without_gone(model, waiting, base, ports)
    chosen = choose(waiting, base, current, spec.data.mode)
    if chosen is None or not is_settled(chosen.new, spec.data.settle_seconds, now):
        return False
    if not chosen.files:
        return _refuse(model, chosen, "there is no data to train on yet", ports)
    manifest = Manifest.of(model, chosen.files, chosen.left_out)
    turn = _turn(manifest, chosen, last, now)
    if ports.turns.started(model, turn.run):
        _settle(turn, waiting, manifest.files, ports)  # the same data and parameters have been run before
        return True
    # Before the claim: it must never name a manifest that a crash kept from being written.
    ports.bucket.write(rich_key(model, manifest.digest), manifest.text())
    ports.bucket.write(native_key(model, manifest.digest), manifest.native())
    ports.turns.claim(turn, last)  # if somebody else did, the next step is to help them
    return True


def _turn(manifest: Manifest, chosen: Chosen, last: Turn | None, now: datetime) -> Turn:
    nonces = [each.id for each in chosen.requests if each.is_again]
    parameters = chosen.requests[0].parameters if chosen.requests else {}
    token = run_token(manifest.digest, parameters, nonces)
    return Turn(
        model=manifest.model,
        number=last.number + 1 if last else 1,
        run=run_name(token),
        token=token,
        digest=manifest.digest,
        parameters=parameters,
        requests=tuple(each.id for each in chosen.requests),
        claimed_at=now.isoformat(),
        newest=last.newest if last else "",
    )


def _start(turn: Turn, ports: TrainingPorts) -> bool:
    if turn.retry_at and ports.now() + TOLERANCE < datetime.fromisoformat(turn.retry_at):
        return False  # every upload wakes the turn, too: without this each would go on asking beside the others
    pipeline = ports.names.pipeline(turn.model)
    since = datetime.fromisoformat(turn.claimed_at) - CLOCK_SLACK
    try:
        arn = ports.pipelines.find(pipeline, turn.run, since) or ports.pipelines.start(
            pipeline, turn.run, turn.token, _parameters(turn, ports)
        )
    except RetryableError as error:
        ports.wakeups.book(turn.model, RETRY_SECONDS)
        again = ports.now() + timedelta(seconds=RETRY_SECONDS)
        ports.turns.move(turn, "claimed", retry_at=again.isoformat())
        ports.events.publish("PipelineDelayed", model=turn.model, run=turn.run, reason=str(error))
        return False
    except AwsError as error:
        if error.code not in INVALID_REQUEST or not turn.parameters:
            raise
        return _give_up(turn, str(error), ports)
    ports.turns.move(turn, "started", execution=arn)
    return True


def _take(turn: Turn, ports: TrainingPorts) -> bool:
    files = _manifest(turn.model, turn.digest, ports).files
    new = added(files, _known_files(turn.model, turn.newest, ports))
    _settle(turn, ports.waiting.of(turn.model), files, ports)
    ports.turns.mark_started(turn)
    ports.events.publish(
        "PipelineStarted",
        model=turn.model,
        run=turn.run,
        execution=turn.execution,
        input_data=_input_data(turn, ports),
        parameters=dict(turn.parameters),
        files=[each.key for each in new[:FILES_TOLD]],
        file_count=len(files),
        new_file_count=len(new),
    )
    ports.turns.move(turn, "taken", newest=turn.digest)
    return True


def _give_up(turn: Turn, reason: str, ports: TrainingPorts) -> bool:
    """SageMaker will never accept what was asked for: the requests are refused, the files wait for another run."""
    ports.events.publish("TrainingRefused", model=turn.model, requests=list(turn.requests), reason=reason)
    ports.waiting.settle_requests(turn.model, turn.requests, {"fate": "refused", "reason": reason})
    ports.turns.move(turn, "free")
    return True


def _refuse(model: str, chosen: Chosen, reason: str, ports: TrainingPorts) -> bool:
    ids = [each.id for each in chosen.requests]
    ports.events.publish("TrainingRefused", model=model, requests=ids, reason=reason)
    ports.waiting.settle_requests(model, ids, {"fate": "refused", "reason": reason})
    return True


def _settle(turn: Turn, waiting: Waiting, files: tuple[File, ...], ports: TrainingPorts) -> None:
    ports.waiting.settle_files(turn.model, fates(waiting.files, files, {"run": turn.run}))
    ports.waiting.settle_requests(turn.model, turn.requests, {"fate": "run", "run": turn.run})


def _without_gone(
    model: str, waiting: Waiting, base: tuple[File, ...], ports: TrainingPorts
) -> tuple[Waiting, dict[str, str]]:
    """What waits and may still be in a run some time, and the version of each key that S3 would hand out."""
    current = ports.bucket.current_versions([*(each.file.key for each in waiting.files), *(each.key for each in base)])
    there = tuple(each for each in waiting.files if not _is_gone(model, each.file, current, ports))
    return Waiting(files=there, requests=waiting.requests), current


def _is_gone(model: str, file: File, current: dict[str, str], ports: TrainingPorts) -> bool:
    """Whether a waiting file has been deleted, or its event came only after its successor was in a run."""
    version = current.get(file.key)
    if version == file.version_id:
        return False
    if version is None:
        ports.waiting.drop_file(model, file, {"fate": "deleted"})
        return True
    if ports.waiting.fate_of_file(replace(file, version_id=version)).get("fate") != "run":
        return False  # it is not known yet whether the successor is any good
    ports.waiting.drop_file(model, file, {"fate": "superseded", "by": version})
    return True


def _known_files(model: str, digest: str, ports: TrainingPorts) -> tuple[File, ...]:
    if not digest:
        return ()
    manifest = _manifest(model, digest, ports)
    return (*manifest.files, *manifest.left_out)


def _manifest(model: str, digest: str, ports: TrainingPorts) -> Manifest:
    text = ports.bucket.read(ports.bucket.uri(rich_key(model, digest)))
    if text is None:
        raise ManifestGoneError(
            f"manifest {digest} of {model} is gone: restore {ports.bucket.uri(rich_key(model, digest))}"
        )
    return Manifest.parse(text)


def _parameters(turn: Turn, ports: TrainingPorts) -> dict[str, str]:
    live = live_parameters(ports.specs.get(turn.model), ports)
    return {**turn.parameters, **live, "InputData": _input_data(turn, ports)}


def _input_data(turn: Turn, ports: TrainingPorts) -> str:
    return ports.bucket.uri(native_key(turn.model, turn.digest))
