"""``sluice invoke-async``: submits files to an asynchronous endpoint and waits for their results."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.async_inference.endpoint_models import EndpointModels
from sluice.async_inference.inference import PENDING, AsyncInference, InferenceRequest
from sluice.async_inference.retries import submit
from sluice.async_inference.transitions import new_request
from sluice.bootstrap.adapters import Adapters
from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.model.live_version import live_endpoint
from sluice.spec.model import ModelSpec
from sluice.spec.serving import AsyncServing
from sluice.spec.serving_modes import ASYNC

from cli.failures import OK, REFUSED, BadInputError, CommandError, NotFoundError, in_words
from cli.inference.payloads import Payload, check_type, payload_of, upload
from cli.inference.result_view import as_json, show_outcomes
from cli.session import CliSession, Commands, described, ports_of, read_spec, read_stack

_POLL_SECONDS = 1.0
_USABLE = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})


def add_to(commands: Commands) -> None:
    command: ArgumentParser = commands.add_parser("invoke-async", help="send files to an async endpoint")
    command.add_argument("model", help="such as fraud")
    command.add_argument("files", nargs="+", metavar="FILE", help="a file or s3://bucket/key, up to 1 GB; one request")
    command.add_argument("--content-type", help="of all files; told from their endings when left out")
    command.add_argument("--accept", default="", help="the content type wanted of the results")
    command.add_argument(
        "--wait", action=BooleanOptionalAction, default=True, help="wait until each has a result or has failed"
    )
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    spec = read_spec(session, arguments.model)
    if not read_stack(session).results_table:
        raise CommandError("The deployed stack is older than this command and keeps no results: deploy it again.")
    ports = ports_of(session)
    endpoint = live_endpoint(arguments.model, ports)
    _check_endpoint(session, spec, endpoint)
    payloads = list(_checked(arguments, session, accepted=_accepted(session, arguments.model, endpoint, ports)))
    sender = _Sender(
        model=arguments.model,
        endpoint=endpoint,
        accept=arguments.accept,
        serving=spec.endpoint.async_,
        session=session,
        ports=ports,
    )
    sent = sender.send_all(payloads)
    ids = [each for _, each in sent if isinstance(each, str)]
    inferences = _wait(ids, session, ports) if arguments.wait else ports.results.get_all(ids)
    shown = [(payload.given, inferences[each]) for payload, each in sent if isinstance(each, str)]
    problems = {payload.given: in_words(each) for payload, each in sent if isinstance(each, Exception)}
    show_outcomes(session, shown)
    for given, problem in problems.items():
        session.out.text(f"{given} was not sent: {problem}")
    document = {"inferences": [{"file": given, **as_json(each)} for given, each in shown]}
    session.out.result({**document, "problems": problems} if problems else document)
    fine = ("ready",) if arguments.wait else ("ready", *PENDING)
    return OK if not problems and all(each.status in fine for each in inferences.values()) else REFUSED


def _check_endpoint(session: CliSession, spec: ModelSpec, endpoint: str) -> None:
    found = described(session.clients("sagemaker").describe_endpoint, EndpointName=endpoint)
    approve = session.command(f"approve {spec.name}/VERSION")
    if found is None:
        raise NotFoundError(f"There is no endpoint {endpoint}: {approve} makes it")
    if "AsyncInferenceConfig" not in found:
        file = f"models/{spec.name}.yaml"
        # An endpoint keeps its type: an asynchronous one stands beside it, under a name of its own.
        change = (
            "the spec's own has no version yet"
            if spec.endpoint.type == ASYNC
            else f"set endpoint.type to async and endpoint.suffix to a new name in {file}, and apply it"
        )
        raise CommandError(f"Endpoint {endpoint} is not asynchronous: {change}; then {approve} makes one that is")
    if found["EndpointStatus"] not in _USABLE:
        reason = found.get("FailureReason", "")
        raise CommandError(f"Endpoint {endpoint} is {found['EndpointStatus']}. {reason}".strip())


def _accepted(session: CliSession, model: str, endpoint: str, ports: Adapters) -> Sequence[str]:
    """The content types that the version in service accepts; none if they are not known."""
    version = EndpointModels(ports).version_in_service(endpoint)
    record = next(ports.store.rollouts(model, version), None) if version else None
    if record is None:
        return ()
    call = session.clients("sagemaker").describe_model_package
    package: Mapping[str, Any] = described(call, ModelPackageName=record.package_arn) or {}
    types: Sequence[str] = package.get("InferenceSpecification", {}).get("SupportedContentTypes", ())
    return types


def _checked(arguments: Namespace, session: CliSession, *, accepted: Sequence[str]) -> Iterator[Payload]:
    """Every payload, all checked before the first is submitted; raises BadInputError with all problems."""
    problems: list[CommandError] = []
    for given in arguments.files:
        try:
            payload = payload_of(session, given, arguments.content_type)
            check_type(payload.content_type, accepted)
            yield payload
        except CommandError as error:
            problems.append(error)
    if problems:
        kind = BadInputError if any(isinstance(each, BadInputError) for each in problems) else type(problems[0])
        raise kind("\n".join(dict.fromkeys(map(str, problems))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """Submits payloads to one endpoint."""

    model: str
    endpoint: str
    accept: str
    serving: AsyncServing
    session: CliSession
    ports: Adapters

    def send_all(self, payloads: Sequence[Payload]) -> Sequence[tuple[Payload, str | Exception]]:
        """The inference id of each payload, or why it could not be submitted: a failure does not stop the others."""
        sent: list[tuple[Payload, str | Exception]] = []
        for payload in payloads:
            try:
                inference = self._store(payload)
            except (CommandError, *RETRYABLE_ERRORS) as error:
                sent.append((payload, error))
                continue
            sent.append((payload, inference.id))
            self.session.out.text(f"{payload.given} is {inference.id}")
            try:
                submit(inference, self.serving, self.ports)
            except RETRYABLE_ERRORS as error:
                self.session.out.text(f"{payload.given}: {in_words(error)}; it is kept, and sent within minutes")
        return sent

    def _store(self, payload: Payload) -> AsyncInference:
        """Upload the payload and store the request: once stored it is submitted even if this is interrupted."""
        inference_id = f"{self.model}-{uuid.uuid4().hex[:12]}"
        places = self.ports.async_places
        key = f"{places.inputs(self.model)}{inference_id}/{payload.name}"
        uri = upload(self.session, payload, places.bucket, key)
        request = InferenceRequest(input=uri, content_type=payload.content_type, accept=self.accept)
        inference = new_request(inference_id, request, model=self.model, endpoint=self.endpoint, now=self.session.now())
        self.ports.results.add(inference)
        return inference


def _wait(ids: Sequence[str], session: CliSession, ports: Adapters) -> Mapping[str, AsyncInference]:
    """The inferences once each has ended. An interruption stops only the waiting."""
    with session.out.progress("Waiting for results", len(ids)) as show:
        while True:
            inferences = ports.results.get_all(ids)
            pending = [each for each in inferences.values() if each.status in PENDING]
            show(len(ids) - len(pending))
            if not pending:
                return inferences
            session.sleep(_POLL_SECONDS)
