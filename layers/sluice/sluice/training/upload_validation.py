"""An upload held to its model's data contract, and set aside when it breaks it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from sluice.data_contract.contract import DataContract
from sluice.data_contract.csv_reader import CsvText, Source
from sluice.data_contract.validation import Breach, Verdict, examine
from sluice.events import ObjectCreated
from sluice.spec.model import ModelSpec

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

ENDINGS = (".csv", ".csv.gz")
TOLD_BREACHES = 20
"""Breaches in an event, all are in the reason file: EventBridge refuses an event that is too large."""


def inspect(upload: ObjectCreated, spec: ModelSpec, budget_bytes: int, ports: TrainingPorts) -> Verdict | None:
    """What the contract says of the first ``budget_bytes`` of an upload's text; None if that version is gone.

    Raises:
        RetryableError: S3 stopped sending.
    """
    body = ports.quarantine.open(upload)
    if body is None:
        return None
    with closing(body):
        return judge(upload.key, body, spec, budget_bytes)


def judge(name: str, content: Source, spec: ModelSpec, budget_bytes: int | None = None) -> Verdict:
    """What the contract says of a file, read to its end unless there is a budget."""
    if not name.lower().endswith(ENDINGS):
        wrong = Breach("name", "", f"the name does not end in {' or '.join(ENDINGS)}")
        return Verdict((wrong,), rows=0, is_whole=False)
    contract = DataContract.parse(data_contract(spec))
    return examine(CsvText(content, contract.encoding, budget_bytes), contract)


def reject(upload: ObjectCreated, model: str, verdict: Verdict, ports: TrainingPorts) -> None:
    """Move the upload to quarantine with the reason and publish DataRejected.

    The upload is deleted last: after a crash anywhere before, doing it all again has the same result, but for an
    event that may be told twice.
    """
    about = {
        "model": model,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "reason": verdict.reason,
    }
    found = verdict.to_json()
    kept = ports.quarantine.keep(upload, {**about, "size": upload.size, "at": ports.now().isoformat(), **found})
    ports.events.publish("DataRejected", **about, quarantine=kept, breaches=found["breaches"][:TOLD_BREACHES])
    ports.quarantine.remove(upload)


def data_contract(spec: ModelSpec) -> dict[str, Any]:
    """The contract as ``sluice apply`` uploads it for the pipeline: what a file is held to, and serving too."""
    data = spec.to_json()["data"]
    kept = ("target", "target_values", "columns", "max_missing_share", "min_rows", "max_rows", "encoding", "header")
    return {**{name: data[name] for name in kept}, "out_of_range": spec.inference.out_of_range}
