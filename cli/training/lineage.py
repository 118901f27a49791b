"""``sluice lineage``: from a version to everything it was made of, and from a file to the versions made of it."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sluice.bootstrap.adapters import Adapters
from sluice.pipeline_runs.recorder import read_run, repeated_version
from sluice.pipeline_runs.run import PipelineRun
from sluice.training.manifest import File, Manifest

from cli.failures import OK, BadInputError, NotFoundError
from cli.session import CliSession, Commands, ports_of, read_spec
from cli.training.listings import minute
from cli.training.packages import Version, find_version, shown_metrics
from cli.training.run_view import as_json as run_as_json
from cli.training.run_view import outcome, shown_code

_FILE = re.compile(r"(s3://(?P<bucket>[^/]+)/)?(?P<key>data/(?P<model>[^/]+)/.+)", re.DOTALL)
_VERSION = "?versionId="


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a version was made of; a part is None when neither AWS nor Sluice has it any more."""

    version: Version
    execution: str
    properties: Mapping[str, str]
    """What Sluice wrote to the version when its run had ended."""
    run: PipelineRun | None
    repeated: int | None
    files: Sequence[File] | None

    @property
    def parts(self) -> dict[str, str]:
        """The S3 URIs of manifest, data contract and code."""
        run = self.run
        known = {
            "data": run.input_data if run else "",
            "contract": run.parameters.get("DataContract", "") if run else "",
            "code": run.code if run else "",
        }
        return {name: uri or self.properties.get(f"sluice.{name}", "") for name, uri in known.items()}


def add_to(commands: Commands) -> None:
    command = commands.add_parser("lineage", help="show what a version was made of, or what was made of a file")
    command.add_argument(
        "what", metavar="VERSION|FILE", help="such as fraud/7, or s3://BUCKET/data/fraud/may.csv?versionId=ID"
    )
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    file = _FILE.fullmatch(arguments.what)
    if file:
        return _forward(session, file)
    if "://" in arguments.what:
        raise BadInputError(f"{arguments.what} is no training data: that is s3://BUCKET/data/MODEL/FILE")
    origin = origin_of(session, arguments.what)
    _show(session, origin)
    session.out.result(_as_json(origin))
    return OK


def origin_of(session: CliSession, text: str) -> Origin:
    """Where the version called e.g. ``fraud/7`` comes from."""
    version, ports = find_version(session, text), ports_of(session)
    package = ports.registry.describe(version.arn)
    found = _run_of(version.model, package.generated_by, ports)
    data = found.input_data if found else package.properties.get("sluice.data", "")
    return Origin(
        version=version,
        execution=package.generated_by,
        properties=package.properties,
        run=found,
        repeated=repeated_version(found, ports) if found else None,
        files=files_of(data, ports),
    )


def _run_of(model: str, execution: str, ports: Adapters) -> PipelineRun | None:
    """The run as recorded, or else as SageMaker still has it."""
    recorded = next((one for one in ports.runs.runs(model) if one.execution == execution), None)
    if recorded or not execution:
        return recorded
    return read_run(execution, model, ports)


def files_of(manifest: str, ports: Adapters) -> Sequence[File] | None:
    """The files of a run by the URI of its manifest, None if that is gone.

    SageMaker's own format names no versions, so what Sluice keeps beside it is read.
    """
    if not manifest:
        return None
    text = ports.bucket.read(manifest.removesuffix(".manifest") + ".json")
    return Manifest.parse(text).files if text else None


def _forward(session: CliSession, named: re.Match[str]) -> int:
    """The runs that read a file, newest first."""
    model, readings = named["model"], _readings(named["key"])
    read_spec(session, model)
    ports = ports_of(session)
    files = cache(lambda manifest: files_of(manifest, ports))  # runs again on the same data share one
    uses = [
        (one, file)
        for one in ports.runs.runs(model)
        for file in files(one.input_data) or ()
        if named["bucket"] in (None, file.bucket)
        and any(file.key == key and version_id in ("", file.version_id) for key, version_id in readings)
    ]
    if not uses:
        raise NotFoundError(f"No run of {model} has read {named[0]}")
    repeated = {one.execution: repeated_version(one, ports) for one, _ in uses}
    rows = [
        (file.version_id, one.id, one.status, minute(one.started_at), outcome(one, repeated[one.execution]))
        for one, file in uses
    ]
    key = uses[0][1].key
    session.out.table(f"What was made of {key}", ("file's version", "run", "status", "started", "outcome"), rows)
    uses_json = [
        {"file": {"version_id": file.version_id, "etag": file.etag}, **run_as_json(one, repeated[one.execution])}
        for one, file in uses
    ]
    session.out.result({"key": key, "runs": uses_json})
    return OK


def _readings(text: str) -> list[tuple[str, str]]:
    """The keys and versions that a text may name: a key may hold any character, ``?versionId=`` among them."""
    key, sign, version_id = text.rpartition(_VERSION)
    return [(text, ""), *([(key, version_id)] if sign else [])]


def _show(session: CliSession, origin: Origin) -> None:
    version = origin.version
    session.out.text(f"{version.name}  {version.approval}  {shown_metrics(version)}")
    facts = {"execution": origin.execution or "none: it was registered by hand", **origin.parts}
    if origin.run and origin.run.step_code:
        facts["code"] = shown_code(origin.run)
    if origin.run:
        facts["trained"] = f"{minute(origin.run.started_at)}, {outcome(origin.run, origin.repeated)}"
        facts["parameters"] = ", ".join(f"{name}={value}" for name, value in origin.run.parameters.items())
    for name, value in facts.items():
        session.out.text(f"  {name:<10}  {value or 'not known any more'}")
    if origin.files is None:
        session.out.text("  files       not known any more")
        return
    rows = [
        (file.key, file.version_id, file.etag, f"{file.size:,}", "" if file.rows is None else f"{file.rows:,}")
        for file in origin.files
    ]
    session.out.table("Files", ("file", "version", "etag", "bytes", "rows"), rows)


def _as_json(origin: Origin) -> dict[str, object]:
    return {
        "version": origin.version.name,
        "arn": origin.version.arn,
        "approval": origin.version.approval,
        "execution": origin.execution or None,
        **{name: uri or None for name, uri in origin.parts.items()},
        "run": run_as_json(origin.run, origin.repeated) if origin.run else None,
        "files": None if origin.files is None else [file.to_json() for file in origin.files],
    }
