"""``sluice invoke-async``: sends files to an asynchronous endpoint and waits for what comes of them."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.async_inference.endpoint_models import Models
from sluice.async_inference.inference import PENDING, Entry, Request
from sluice.async_inference.retries import send
from sluice.async_inference.transitions import asked
from sluice.bootstrap.adapters import Adapters
from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.model.live_version import live_endpoint
from sluice.spec.serving import AsyncServing

from cli.failures import OK, REFUSED, BadInputError, CommandError, NotFoundError, in_words
from cli.inference.payloads import Payload, bring, check_type, payload_of
from cli.inference.result_view import as_json, show_outcomes
from cli.session import CliSession, Commands, described, ports_of, read_spec, read_stack

_LOOK_SECONDS = 1.0
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
    _check_endpoint(session, arguments.model, endpoint)
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
    entries = _wait(ids, session, ports) if arguments.wait else ports.results.get_all(ids)
    shown = [(payload.given, entries[each]) for payload, each in sent if isinstance(each, str)]
    problems = {payload.given: in_words(each) for payload, each in sent if isinstance(each, Exception)}
    show_outcomes(session, shown)
    for given, problem in problems.items():
        session.out.text(f"{given} was not sent: {problem}")
    told = {"inferences": [{"file": given, **as_json(each)} for given, each in shown]}
    session.out.result({**told, "problems": problems} if problems else told)
    fine = ("ready",) if arguments.wait else ("ready", *PENDING)
    return OK if not problems and all(each.status in fine for each in entries.values()) else REFUSED


def _check_endpoint(session: CliSession, model: str, endpoint: str) -> None:
    found = described(session.clients("sagemaker").describe_endpoint, EndpointName=endpoint)
    if found is None:
        raise NotFoundError(f"There is no endpoint {endpoint}: `sluice approve {model}/VERSION` makes it")
    if "AsyncInferenceConfig" not in found:
        raise CommandError(
            f"Endpoint {endpoint} is not asynchronous: set endpoint.type to async in models/{model}.yaml, apply it, "
            "and roll out a version"
        )
    if found["EndpointStatus"] not in _USABLE:
        reason = found.get("FailureReason", "")
        raise CommandError(f"Endpoint {endpoint} is {found['EndpointStatus']}. {reason}".strip())


def _accepted(session: CliSession, model: str, endpoint: str, ports: Adapters) -> Sequence[str]:
    """The content types that the version in service says it takes; none if that is not known."""
    version = Models(ports).version(endpoint)
    record = next(ports.store.rollouts(model, version), None) if version else None
    if record is None:
        return ()
    call = session.clients("sagemaker").describe_model_package
    package: Mapping[str, Any] = described(call, ModelPackageName=record.package_arn) or {}
    types: Sequence[str] = package.get("InferenceSpecification", {}).get("SupportedContentTypes", ())
    return types


def _checked(arguments: Namespace, session: CliSession, *, accepted: Sequence[str]) -> Iterator[Payload]:
    """Every payload, all of them looked at before anything is sent; raises BadInputError with all that is wrong."""
    wrong: list[CommandError] = []
    for given in arguments.files:
        try:
            payload = payload_of(session, given, arguments.content_type)
            check_type(payload.content_type, accepted)
            yield payload
        except CommandError as error:
            wrong.append(error)
    if wrong:
        kind = BadInputError if any(isinstance(each, BadInputError) for each in wrong) else type(wrong[0])
        raise kind("\n".join(dict.fromkeys(map(str, wrong))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """Sends payloads to one endpoint."""

    model: str
    endpoint: str
    accept: str
    serving: AsyncServing
    session: CliSession
    ports: Adapters

    def send_all(self, payloads: Sequence[Payload]) -> Sequence[tuple[Payload, str | Exception]]:
        """The inference id of each payload, or why it could not be sent: one does not hold up the others."""
        sent: list[tuple[Payload, str | Exception]] = []
        for payload in payloads:
            try:
                entry = self._keep(payload)
            except (CommandError, *RETRYABLE_ERRORS) as error:
                sent.append((payload, error))
                continue
            sent.append((payload, entry.id))
            self.session.out.text(f"{payload.given} is {entry.id}")
            try:
                send(entry, self.serving, self.ports)
            except RETRYABLE_ERRORS as error:
                self.session.out.text(f"{payload.given}: {in_words(error)}; it is kept, and sent within minutes")
        return sent

    def _keep(self, payload: Payload) -> Entry:
        """Bring the payload to S3 and keep the request: what is kept is sent even if this is interrupted."""
        inference_id = f"{self.model}-{uuid.uuid4().hex[:12]}"
        places = self.ports.async_places
        key = f"{places.inputs(self.model)}{inference_id}/{payload.name}"
        uri = bring(self.session, payload, places.bucket, key)
        request = Request(input=uri, content_type=payload.content_type, accept=self.accept)
        entry = asked(inference_id, request, model=self.model, endpoint=self.endpoint, now=self.session.now())
        self.ports.results.add(entry)
        return entry


def _wait(ids: Sequence[str], session: CliSession, ports: Adapters) -> Mapping[str, Entry]:
    """The entries once each is over. An interruption stops the waiting and nothing else."""
    with session.out.progress("Waiting for results", len(ids)) as show:
        while True:
            entries = ports.results.get_all(ids)
            pending = [each for each in entries.values() if each.status in PENDING]
            show(len(ids) - len(pending))
            if not pending:
                return entries
            session.sleep(_LOOK_SECONDS)
