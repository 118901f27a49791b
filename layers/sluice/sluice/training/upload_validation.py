"""Validates an upload by its model's data contract, and moves one that breaks it to quarantine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluice.aws.s3 import PREFIX, path_problem
from sluice.data_contract.contract import DataContract
from sluice.data_contract.csv_reader import CsvReader
from sluice.data_contract.file_text import FileText, Source
from sluice.data_contract.validation import Breach, ValidationResult, validate
from sluice.events import ObjectCreated
from sluice.spec.model import ModelSpec

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

MAX_EVENT_BREACHES = 20
"""Breaches in an event, all are in the reason file: EventBridge refuses an event that is too large."""

_ENDINGS = (".csv", ".csv.gz")
_LOGGED_BREACHES = 5
_CONTRACT_FIELDS = (
    *("target", "target_values", "columns", "max_missing_share", "min_rows", "max_rows", "encoding", "header"),
    *("decimal", "missing_values"),
)


def validate_upload(
    upload: ObjectCreated, spec: ModelSpec, budget_bytes: int, until: datetime, ports: TrainingPorts
) -> ValidationResult | None:
    """Validate the first ``budget_bytes`` of an upload's text, or what is read ``until`` then; None if it is gone.

    Raises:
        RetryableError: S3 stopped sending.
    """
    body = ports.quarantine.open(upload)
    if body is None:
        return None
    with closing(body):
        name = upload.key.removeprefix(f"{PREFIX}{spec.name}/")
        return validate_file(name, body, spec, budget_bytes, lambda: ports.now() >= until)


def validate_file(
    name: str,
    content: Source,
    spec: ModelSpec,
    budget_bytes: int | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> ValidationResult:
    """Validate a file, to its end unless there is a budget or it is late; ``name`` is its path below the model's."""
    if problem := path_problem(name):
        return ValidationResult((Breach("name", "", problem),), rows=0, is_whole=False)
    if not name.lower().endswith(_ENDINGS):
        wrong = Breach("name", "", f"the name does not end in {' or '.join(_ENDINGS)}")
        return ValidationResult((wrong,), rows=0, is_whole=False)
    contract = DataContract.parse(contract_document(spec))
    return validate(CsvReader(FileText(content, contract.encoding, budget_bytes, is_late)), contract, labelled=True)


def quarantine_upload(upload: ObjectCreated, model: str, result: ValidationResult, ports: TrainingPorts) -> None:
    """Copy the upload to quarantine with the reason beside it, publish DataRejected, and delete the upload.

    Idempotent: the upload is deleted last, so after a crash anywhere before, doing it all again has the same result,
    but for an event that may be published twice.
    """
    about = {
        "model": model,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "reason": result.reason,
    }
    found = result.to_json()
    kept = ports.quarantine.keep(upload, {**about, "size": upload.size, "at": ports.now().isoformat(), **found})
    ports.events.publish("DataRejected", **about, quarantine=kept, breaches=found["breaches"][:MAX_EVENT_BREACHES])
    ports.quarantine.remove(upload)


def loggable_breaches(result: ValidationResult, spec: ModelSpec) -> list[dict[str, object]]:
    """The first breaches as logs may hold them: rule, column, first row and count, no text that came from the file.

    A column that the contract does not know is not named: in a file without a header it is a value of the first row.
    """
    known = {spec.data.target, *(column.name for column in spec.data.columns)}
    return [
        {
            "rule": breach.rule,
            "column": breach.column if breach.column in known else "",
            "row": breach.rows[0] if breach.rows else None,
            "count": breach.count,
        }
        for breach in result.breaches[:_LOGGED_BREACHES]
    ]


def contract_document(spec: ModelSpec) -> dict[str, Any]:
    """The data contract as ``sluice apply`` uploads it: what a file is validated by, and live requests, too."""
    data = spec.to_json()["data"]
    return {**{name: data[name] for name in _CONTRACT_FIELDS}, "out_of_range": spec.inference.out_of_range}
