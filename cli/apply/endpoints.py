"""What ``apply`` refuses because of endpoints that exist: one that serves in another way, or another model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sluice.endpoint.hosting import Endpoints
from sluice.errors import Problem
from sluice.names import Names
from sluice.spec.model import ModelSpec
from sluice.spec.serving_modes import BATCH, obstacle_between

from cli.apply.specfile import SpecFile
from cli.failures import CommandError, LocatedProblem, SpecFilesError
from cli.session import CliSession, list_models, read_spec


def refuse_taken_endpoints(session: CliSession, files: Sequence[SpecFile]) -> None:
    """Raise ``SpecFilesError`` if a spec's endpoint cannot serve as specified, or is that of another model."""
    applied = {file.spec.name: file.spec for file in files}
    problems: list[LocatedProblem] = []
    for file in files:
        problems.extend(file.located(_of_another_kind(session, file.spec)))
        problems.extend(file.located(_of_another_model(session, file.spec, applied)))
    if problems:
        raise SpecFilesError(tuple(problems))


def _of_another_kind(session: CliSession, spec: ModelSpec) -> Iterator[Problem]:
    name = endpoint_of(session.names, spec)
    state = Endpoints(session.clients("sagemaker")).describe(name) if name else None
    if state is not None and (obstacle := obstacle_between(state.name, state.kind, spec.endpoint.type)):
        allowed = f"{state.kind}, or another endpoint.suffix"
        yield Problem("endpoint.type", spec.endpoint.type, allowed, obstacle)


def _of_another_model(session: CliSession, spec: ModelSpec, applied: dict[str, ModelSpec]) -> Iterator[Problem]:
    """``fraud`` with the suffix ``eu`` and a model ``fraud-eu`` would share an endpoint."""
    name = endpoint_of(session.names, spec)
    if name is None:
        return
    suffix = spec.endpoint.suffix
    rivals = {f"{spec.name}-{suffix}"} if suffix else {spec.name.rpartition("-")[0]}
    for rival in sorted(rivals & {*applied, *list_models(session)}):
        other = applied.get(rival) or _stored(session, rival)
        if other and endpoint_of(session.names, other) == name:
            field = "endpoint.suffix" if suffix else "name"
            message = f"endpoint {name} is that of the model {rival}"
            yield Problem(field, suffix or spec.name, "what makes a name of its own", message)


def endpoint_of(names: Names, spec: ModelSpec) -> str | None:
    """The endpoint's name; None for a model without one."""
    return None if spec.endpoint.type == BATCH else names.endpoint(spec.name, spec.endpoint.suffix)


def _stored(session: CliSession, model: str) -> ModelSpec | None:
    """None for a spec that cannot be read: its own next apply tells."""
    try:
        return read_spec(session, model)
    except CommandError:
        return None
