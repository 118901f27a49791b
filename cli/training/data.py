"""``sluice data``: check files by their data contract, list those in quarantine, and upload one of them again."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.aws.s3 import PREFIX, path_problem
from sluice.aws.s3_copy import copy_object
from sluice.data_contract.validation import ValidationResult
from sluice.errors import AwsRefusedError
from sluice.spec.model import ModelSpec
from sluice.training.quarantine import QUARANTINE, REASON
from sluice.training.upload_validation import validate_file

from cli.apply.specfile import load
from cli.failures import BAD_INPUT, OK, BadInputError, NotFoundError
from cli.session import CliSession, Commands, objects, read_spec, read_stack
from cli.training.listings import minute

_EXPLAINED = 50
"""Files in quarantine whose reasons are read, the newest ones; each takes a call."""


def add_to(commands: Commands) -> None:
    data = commands.add_parser("data", help="check files, list those in quarantine, put one back")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="hold files to a model's data contract, without AWS")
    check.add_argument("spec", type=Path, metavar="SPEC", help="models/<name>.yaml")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, also gzip")
    check.set_defaults(run=run_check)
    quarantine = actions.add_parser("quarantine", help="list a model's refused files and why")
    quarantine.add_argument("model")
    quarantine.set_defaults(run=run_quarantine)
    replay = actions.add_parser("replay", help="upload a refused file once more, to be judged anew")
    replay.add_argument("model")
    replay.add_argument("file", help="as `sluice data quarantine` names it")
    replay.add_argument("--with", type=Path, dest="corrected", metavar="FILE", help="upload this corrected file for it")
    replay.set_defaults(run=run_replay)


def run_check(arguments: Namespace, session: CliSession) -> int:
    spec = load(arguments.spec).spec
    results = {file: validate_local(file, spec) for file in arguments.files}
    for file, result in results.items():
        _show(session, file, result)
    session.out.result({"files": [{"file": str(file), **result.to_json()} for file, result in results.items()]})
    return OK if all(result.is_accepted for result in results.values()) else BAD_INPUT


def run_quarantine(arguments: Namespace, session: CliSession) -> int:
    read_spec(session, arguments.model)
    kept = quarantined(session, read_stack(session).bucket, arguments.model, most=_EXPLAINED)
    rows = [(str(one["file"]), minute(one["since"]), str(one.get("reason", "unknown"))) for one in kept.files]
    session.out.table("Quarantine", ("file", "since", "reason"), rows)
    if kept.count > len(kept.files):
        session.out.text(f"and {kept.count - len(kept.files)} older ones")
    session.out.result({"quarantine": list(kept.files), "count": kept.count})
    return OK


@dataclass(frozen=True, slots=True)
class QuarantinedFiles:
    """A model's refused files."""

    count: int = 0
    files: tuple[Mapping[str, Any], ...] = ()
    """The newest ones: ``file``, ``size``, ``since``, and ``reason`` and ``breaches`` unless it is just being moved."""


def quarantined(session: CliSession, bucket: str, model: str, *, most: int) -> QuarantinedFiles:
    """The files in quarantine, the newest first; the reasons of up to ``most`` are read."""
    prefix = f"{QUARANTINE}{model}/"
    kept = _kept(objects(session, bucket, prefix))
    newest = sorted(kept, key=lambda one: one["LastModified"], reverse=True)[:most]
    found = (
        {
            "file": one["Key"].removeprefix(prefix),
            "size": one["Size"],
            "since": one["LastModified"],
            **_reason(session, bucket, one["Key"]),
        }
        for one in newest
    )
    return QuarantinedFiles(len(kept), tuple(found))


def run_replay(arguments: Namespace, session: CliSession) -> int:
    spec = read_spec(session, arguments.model)
    bucket = read_stack(session).bucket
    name = f"{arguments.model}/{arguments.file}"
    # Exactly what is there now: refused again at once, the file is in quarantine anew before this is done.
    versions = {key: _version(session, bucket, key) for key in (f"{QUARANTINE}{name}", f"{QUARANTINE}{name}{REASON}")}
    kept = versions[f"{QUARANTINE}{name}"]
    if kept is None and versions[f"{QUARANTINE}{name}{REASON}"] is not None and not arguments.corrected:
        raise BadInputError(_how_to_bring_back(session, bucket, f"{QUARANTINE}{name}", arguments.file))
    if kept is None and versions[f"{QUARANTINE}{name}{REASON}"] is None:
        lists = session.command(f"data quarantine {arguments.model}")
        raise NotFoundError(f"{arguments.file} is not in quarantine; {lists} shows what is")
    target = _key_of(session, bucket, f"{QUARANTINE}{name}") or PREFIX + name
    if problem := path_problem(target.removeprefix(f"{PREFIX}{arguments.model}/")):
        raise BadInputError(f"{arguments.file}: {problem}")
    if arguments.corrected:
        _upload(session, arguments.corrected, spec, bucket, target)
    else:
        source = {"Bucket": bucket, "Key": f"{QUARANTINE}{name}"} | (kept or {})
        copy_object(session.clients("s3"), source, _size(session, source), bucket, target)
    for key, version in versions.items():
        if version is not None:
            session.clients("s3").delete_object(Bucket=bucket, Key=key, **version)
    uri = f"s3://{bucket}/{target}"
    session.out.text(f"Uploaded {uri}; it is judged as any upload")
    session.out.result({"uploaded": uri})
    return OK


def _kept(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The refused files, and the reasons of those that were too large to be moved, as if these were the files."""
    files = [one for one in found if not one["Key"].endswith(REASON)]
    keys = {one["Key"] for one in files}
    reasons = ({**one, "Key": one["Key"].removesuffix(REASON)} for one in found if one["Key"].endswith(REASON))
    return [*files, *(one for one in reasons if one["Key"] not in keys)]


def _how_to_bring_back(session: CliSession, bucket: str, key: str, file: str) -> str:
    place = _reason(session, bucket, key)["kept_as"]
    return (
        f"{file} was too large to be moved: it is version {place['version_id']} of s3://{bucket}/{place['key']}. "
        "Upload a corrected one with --with, or download that version and upload it again"
    )


def _size(session: CliSession, source: Mapping[str, str]) -> int:
    return int(session.clients("s3").head_object(**source)["ContentLength"])


def _upload(session: CliSession, file: Path, spec: ModelSpec, bucket: str, key: str) -> None:
    result = validate_local(file, spec)
    if not result.is_accepted:
        raise BadInputError(f"{file} breaks the data contract as well: {result.reason}")
    with file.open("rb") as content:
        session.clients("s3").put_object(Bucket=bucket, Key=key, Body=content)


def validate_local(file: Path, spec: ModelSpec) -> ValidationResult:
    """Validate a file as its upload would be; raises ``BadInputError`` for a file that cannot be read."""
    try:
        with file.open("rb") as content:
            return validate_file(file.name, content, spec)
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from error


def _show(session: CliSession, file: Path, result: ValidationResult) -> None:
    if result.is_accepted:
        session.out.text(f"{file}: in order, {result.rows:,} rows")
    for breach in result.breaches:
        count = f"{breach.count:,} in all" if result.is_whole else f"at least {breach.count:,}"
        session.out.text(f"{file}: {breach}" + (f", {count}" if breach.count > 1 else ""))


def _key_of(session: CliSession, bucket: str, key: str) -> str:
    """The key under which a file in quarantine was uploaded; empty if its reason does not tell."""
    return str(_stored_reason(session, bucket, key).get("key", ""))


def _stored_reason(session: CliSession, bucket: str, key: str) -> Mapping[str, Any]:
    """What lies beside a file in quarantine; empty between the two writes of a rejection."""
    try:
        held = session.clients("s3").get_object(Bucket=bucket, Key=key + REASON)
    except AwsRefusedError as error:
        if error.code == "NoSuchKey":
            return {}
        raise
    stored: Mapping[str, Any] = json.loads(held["Body"].read())
    return stored


def _reason(session: CliSession, bucket: str, key: str) -> Mapping[str, Any]:
    stored = _stored_reason(session, bucket, key)
    if not stored:
        return {}
    place = {"kept_as": stored["kept_as"], "size": stored["size"]} if "kept_as" in stored else {}
    return {"reason": stored["reason"], "breaches": stored["breaches"], **place}


def _version(session: CliSession, bucket: str, key: str) -> dict[str, str] | None:
    """The current version as a request names it, None if there is no such object."""
    try:
        found = session.clients("s3").head_object(Bucket=bucket, Key=key)
    except AwsRefusedError as error:
        if error.code in ("404", "NoSuchKey"):
            return None
        raise
    return {"VersionId": found["VersionId"]} if found.get("VersionId") else {}
