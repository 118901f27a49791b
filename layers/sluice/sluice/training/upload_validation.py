"""Validates an upload by its model's data contract, and moves one that breaks it to quarantine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
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
    *("decimal", "missing_values", "examples_in_reasons"),
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
    result = validate(CsvReader(FileText(content, contract.encoding, budget_bytes, is_late)), contract)
    return _refuse_unlabelled(result, contract)


def _refuse_unlabelled(result: ValidationResult, contract: DataContract) -> ValidationResult:
    """Of a new file, ``min_rows`` counts rows with a target; runs go on with what earlier releases have accepted."""
    labelled = result.rows - result.rows_without_target
    if not (result.is_accepted and result.is_whole) or labelled >= contract.min_rows:
        return result
    what = f"has a value in {labelled:,} of {result.rows:,} rows; at least {contract.min_rows:,} are needed"
    return replace(result, breaches=(Breach("min_rows", contract.target, f"{what} (the target)"),))


def told(result: ValidationResult, spec: ModelSpec) -> ValidationResult:
    """What events, mail and the table are told of a result: no text from the file, unless the spec allows it."""
    return result if spec.data.examples_in_reasons else result.without_cells(_columns(spec))


def quarantine_upload(upload: ObjectCreated, spec: ModelSpec, result: ValidationResult, ports: TrainingPorts) -> None:
    """Copy the upload to quarantine with the reason beside it, publish DataRejected, and delete the upload.

    Examples of bad cells lie in the reason's file, beside the cells themselves.

    Idempotent: the upload is deleted last, so after a crash anywhere before, doing it all again has the same result,
    but for an event that may be published twice.
    """
    about = {
        "model": spec.name,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
    }
    when = {"size": upload.size, "at": ports.now().isoformat()}
    kept = ports.quarantine.keep(upload, {**about, "reason": result.reason, **when, **result.to_json()})
    public = told(result, spec)
    breaches = public.to_json()["breaches"][:MAX_EVENT_BREACHES]
    ports.events.publish("DataRejected", **about, reason=public.reason, quarantine=kept, breaches=breaches)
    ports.quarantine.remove(upload)


def loggable_breaches(result: ValidationResult, spec: ModelSpec) -> list[dict[str, object]]:
    """The first breaches as logs may hold them: rule, column, first row and count, no text that came from the file.

    A column that the contract does not know is not named: in a file without a header it is a value of the first row.
    """
    known = _columns(spec)
    return [
        {
            "rule": breach.rule,
            "column": breach.column if breach.column in known else "",
            "row": breach.rows[0] if breach.rows else None,
            "count": breach.count,
        }
        for breach in result.breaches[:_LOGGED_BREACHES]
    ]


def _columns(spec: ModelSpec) -> set[str]:
    return {spec.data.target, *(column.name for column in spec.data.columns)}


def contract_document(spec: ModelSpec) -> dict[str, Any]:
    """The data contract as ``sluice apply`` uploads it: what a file is validated by, and live requests, too."""
    data = spec.to_json()["data"]
    return {**{name: data[name] for name in _CONTRACT_FIELDS}, "out_of_range": spec.inference.out_of_range}
