"""The difference between what a spec asks for and what AWS has, as changes that can be shown or made.

Planning only reads. The spec is stored last: until then no function acts on the model, so an apply that
stopped half-way is repaired by repeating it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.spec.model import ModelSpec
from sluice.training.upload_validation import contract_document

from cli.apply.definition import Definition, filled, source_archive
from cli.apply.schedules import schedule_change, wanted_schedules
from cli.apply.step_code import step_codes
from cli.failures import CommandError
from cli.session import CliSession, Stack, described, objects, read_parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that ``apply`` looks after; ``make`` is None when it is already as it should be."""

    what: str
    name: str
    verdict: str
    """created | changed | unchanged | deleted"""
    make: Callable[[], object] | None = field(default=None, repr=False, compare=False)


def plan_changes(session: CliSession, stack: Stack, spec: ModelSpec, definition: Definition) -> Iterator[Change]:
    """What has to be done for ``spec``, in the order in which it must be done."""
    contract = _canonical(contract_document(spec))
    contract_key = f"contracts/{spec.name}/{hashlib.sha256(contract).hexdigest()}.json"
    codes = {each: f"code/{definition.name}/{each.digest}" for each in step_codes(definition)}
    for each, prefix in codes.items():
        what = f"code of {definition.name}" + (f", {each.entry}" if each.entry else "")
        yield _uploads(session, stack, what, f"{prefix}/", _code(each.scripts))
    yield _uploads(session, stack, "data contract", contract_key, {"": contract})
    yield _group(session, spec)
    tokens = {
        "DataBucket": stack.bucket,
        "PipelineRoleArn": stack.pipeline_role_arn,
        "XGBoostImage": _image(session, definition),
        "Region": _region(session),
        "Model": spec.name,
        "ModelPackageGroup": session.names.group(spec.name),
        "DataContract": f"s3://{stack.bucket}/{contract_key}",
        **{each.token: f"s3://{stack.bucket}/{prefix}" for each, prefix in codes.items()},
    }
    yield _pipeline(session, stack, spec, filled(definition, tokens, spec, register_as=stack.register_as))
    for wanted in wanted_schedules(session, stack, spec):
        verdict, make = schedule_change(session, stack, wanted)
        if verdict:
            yield Change(what=wanted.what, name=wanted.name, verdict=verdict, make=make)
    yield _stored_spec(session, spec)


def _canonical(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _code(scripts: Mapping[str, bytes]) -> dict[str, bytes]:
    mounted = {f"scripts/{name}": content for name, content in scripts.items()}
    return {**mounted, "sourcedir.tar.gz": source_archive(scripts)}


def _uploads(session: CliSession, stack: Stack, what: str, prefix: str, contents: Mapping[str, bytes]) -> Change:
    """Content-addressed objects: one that exists has the right content."""
    s3 = session.clients("s3")
    there = {entry["Key"] for entry in objects(session, stack.bucket, prefix)}
    missing = {prefix + name: content for name, content in contents.items() if prefix + name not in there}

    def upload() -> None:
        for key, content in missing.items():
            s3.put_object(Bucket=stack.bucket, Key=key, Body=content)

    name = f"s3://{stack.bucket}/{prefix}"
    if not missing:
        return Change(what=what, name=name, verdict="unchanged")
    return Change(what=what, name=name, verdict="created", make=upload)


def _group(session: CliSession, spec: ModelSpec) -> Change:
    sagemaker = session.clients("sagemaker")
    name = session.names.group(spec.name)
    if described(sagemaker.describe_model_package_group, ModelPackageGroupName=name) is not None:
        return Change(what="model package group", name=name, verdict="unchanged")
    request = {"ModelPackageGroupName": name} | (
        {"ModelPackageGroupDescription": spec.description} if spec.description else {}
    )
    return Change(
        what="model package group",
        name=name,
        verdict="created",
        make=lambda: sagemaker.create_model_package_group(**request),
    )


def _pipeline(session: CliSession, stack: Stack, spec: ModelSpec, definition: str) -> Change:
    sagemaker = session.clients("sagemaker")
    name = session.names.pipeline(spec.name)
    wanted = {"PipelineDefinition": definition, "RoleArn": stack.pipeline_role_arn} | (
        {"PipelineDescription": spec.description} if spec.description else {}
    )
    live = described(sagemaker.describe_pipeline, PipelineName=name)
    if live is None:
        return Change(
            what="pipeline",
            name=name,
            verdict="created",
            make=lambda: sagemaker.create_pipeline(PipelineName=name, **wanted),
        )
    if _same_pipeline(live, wanted):
        return Change(what="pipeline", name=name, verdict="unchanged")
    return Change(
        what="pipeline",
        name=name,
        verdict="changed",
        make=lambda: sagemaker.update_pipeline(PipelineName=name, **wanted),
    )


def _same_pipeline(live: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return json.loads(live["PipelineDefinition"]) == json.loads(wanted["PipelineDefinition"]) and all(
        live.get(key) == value for key, value in wanted.items() if key != "PipelineDefinition"
    )


def _stored_spec(session: CliSession, spec: ModelSpec) -> Change:
    name = session.names.spec_parameter(spec.name)
    text = spec.stored()
    live = read_parameter(session, name)
    if live == text:
        return Change(what="spec", name=name, verdict="unchanged")
    # Above 4 KB a parameter needs the advanced tier, which costs a little; AWS picks the cheaper that fits.
    request = {
        "Name": name,
        "Value": text,
        "Type": "String",
        "Tier": "Intelligent-Tiering",
        "Overwrite": True,
    }
    return Change(
        what="spec",
        name=name,
        verdict="created" if live is None else "changed",
        make=lambda: session.clients("ssm").put_parameter(**request),
    )


def _region(session: CliSession) -> str:
    return str(session.clients("sagemaker").meta.region_name)


def _image(session: CliSession, definition: Definition) -> str:
    region = _region(session)
    if region not in definition.images:
        known = ", ".join(sorted(definition.images))
        raise CommandError(f"There is no XGBoost image for region {region}; there is one for: {known}")
    return definition.images[region]
