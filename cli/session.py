"""What every command is given: the stage and its names, AWS, the screen, and the clock."""

from __future__ import annotations

import json
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from sluice.aws.paging import OBJECTS, pages
from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment
from sluice.errors import AwsRefusedError, SpecError, UnknownModelError
from sluice.names import Names
from sluice.spec.model import ModelSpec
from sluice.spec.parameter_store import SpecStore
from sluice.telemetry.silent import SilentTelemetry

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.output import Output

PENDING = "PendingManualApproval"
Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CliSession:
    """One run of the ``sluice`` command."""

    names: Names
    clients: Callable[[str], Any]
    """The client of a service by its name, made when first used; it raises the errors of ``sluice.errors``."""
    out: Output
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def command(self, words: str) -> str:
        """A command as a hint names it: as it has to be typed for this stage."""
        return self.names.command(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The resources that the deployed stack publishes for the command."""

    bucket: str
    table: str
    pipeline_role_arn: str
    model_role_arn: str = ""  # a stack of release 0.1 does not tell it
    # A stack that was deployed before there were schedules does not tell these.
    upload_queue_url: str = ""
    upload_queue_arn: str = ""
    event_dead_letters_arn: str = ""
    schedule_group: str = ""
    schedule_role_arn: str = ""
    # Or before there were results of asynchronous requests.
    results_table: str = ""
    async_queue_url: str = ""
    start_batch_arn: str = ""
    batch_schedule_role_arn: str = ""
    register_as: str = PENDING  # the approval with which pipelines register versions
    trusted_images: str = ""  # ARNs of ECR repositories, with commas; empty if the stack does not tell
    trusted_artifacts: str = ""  # ARNs of S3 objects, likewise


def read_stack(session: CliSession) -> Stack:
    """Raises ``NotFoundError`` when nothing is deployed for this stage."""
    name = session.names.stack_parameter
    text = read_parameter(session, name)
    if text is None:
        region = session.clients("ssm").meta.region_name
        raise NotFoundError(
            f"Nothing is deployed for stage {session.names.stage} in {region} "
            f"(no SSM parameter {name}): deploy the stack first, see README."
        )
    try:
        held = json.loads(text)
        return Stack(**{field.name: held[field.name] for field in fields(Stack) if field.name in held})
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"SSM parameter {name} is not what the stack writes ({error}): deploy again.") from error


def ports_of(session: CliSession) -> Adapters:
    """What the functions of the stage may talk to, under the credentials of the person at the keyboard."""
    stack = read_stack(session)
    variables = {
        "SLUICE_STAGE": session.names.stage,
        "SLUICE_TABLE": stack.table,
        "SLUICE_BUCKET": stack.bucket,
        "SLUICE_UPLOAD_QUEUE_URL": stack.upload_queue_url,
        "SLUICE_RESULTS_TABLE": stack.results_table,
        "SLUICE_ASYNC_QUEUE_URL": stack.async_queue_url,
        "SLUICE_TRUSTED_IMAGES": stack.trusted_images,
        "SLUICE_TRUSTED_ARTIFACTS": stack.trusted_artifacts,
    }
    return Adapters(
        Environment(
            variables=variables,
            client=session.clients,
            now=session.now,
            telemetry=SilentTelemetry(),
        )
    )


def read_spec(session: CliSession, model: str) -> ModelSpec:
    """The stored spec.

    Raises:
        BadInputError: it is not a model that is named, but one of its versions.
        NotFoundError: there is no such model, with those there are; or nothing is deployed.
    """
    if "/" in model:
        raise BadInputError(f"{model!r} is not a model; write a model's name, such as {model.partition('/')[0]}")
    try:
        return SpecStore(session.clients("ssm"), session.names).get(model)
    except UnknownModelError as error:
        read_stack(session)
        known = ", ".join(list_models(session)) or "none"
        raise NotFoundError(
            f"There is no model {model} in stage {session.names.stage}; there are: {known}. "
            f"{session.command(f'apply models/{model}.yaml')} makes it."
        ) from error
    except (ValueError, SpecError) as error:
        raise CommandError(f"The stored spec of {model} is not valid ({error}): apply its file again.") from error


def list_models(session: CliSession) -> list[str]:
    """The models of this stage, by name."""
    folder = session.names.spec_parameter("")
    found = every(session.clients("ssm").get_parameters_by_path, "Parameters", Path=folder)
    return sorted(parameter["Name"].removeprefix(folder) for parameter in found)


def read_parameter(session: CliSession, name: str) -> str | None:
    """An SSM parameter's value, None if there is none."""
    try:
        found = session.clients("ssm").get_parameter(Name=name)
    except AwsRefusedError as error:
        if error.code == "ParameterNotFound":
            return None
        raise
    return str(found["Parameter"]["Value"])


def described(call: Callable[..., Mapping[str, Any]], **request: Any) -> Mapping[str, Any] | None:
    """The response of a SageMaker call that describes one resource; None if the resource does not exist.

    SageMaker says so with ResourceNotFound for pipelines, with ValidationException for the registry.
    """
    try:
        return call(**request)
    except AwsRefusedError as error:
        if error.code in ("ResourceNotFound", "ValidationException"):
            return None
        raise


def every(call: Callable[..., Mapping[str, Any]], key: str, *, most: int = 10_000, **request: Any) -> list[Any]:
    """The items of all pages of a list call, up to ``most``."""
    items = (each for page in pages(call, **request) for each in page.get(key, []))
    return list(islice(items, most))


def objects(session: CliSession, bucket: str, prefix: str) -> list[Mapping[str, Any]]:
    """Every object under a prefix of a bucket, by key."""
    found = pages(session.clients("s3").list_objects_v2, OBJECTS, Bucket=bucket, Prefix=prefix)
    return [each for page in found for each in page.get("Contents", [])]
