"""What outlives a stack that was removed and deployed again, and still has the role of the old one, which is gone."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.endpoint.hosting import Endpoints
from sluice.errors import AwsRefusedError
from sluice.spec.model import ModelSpec

from cli.apply.endpoints import endpoint_of
from cli.session import CliSession, Stack, described


def notes_on_a_removed_stack(session: CliSession, stack: Stack, spec: ModelSpec) -> Iterator[str]:
    """Sentences about a pipeline and serving models under a role that is not this stack's, and how to repair them.

    None if the user may not see them: a read-only user may lack the permission.
    """
    try:
        yield from _on_the_pipeline(session, stack, spec)
        yield from _on_serving_models(session, stack, spec)
    except AwsRefusedError:
        return


def _on_the_pipeline(session: CliSession, stack: Stack, spec: ModelSpec) -> Iterator[str]:
    name = session.names.pipeline(spec.name)
    found = described(session.clients("sagemaker").describe_pipeline, PipelineName=name) or {}
    role = found.get("RoleArn", stack.pipeline_role_arn)
    if role != stack.pipeline_role_arn:
        repair = session.command(f"apply models/{spec.name}.yaml")
        yield f"pipeline {name} is of a removed stack: its role {role} is not this stack's; {repair} repairs it"


def _on_serving_models(session: CliSession, stack: Stack, spec: ModelSpec) -> Iterator[str]:
    """Models that Sluice did not make may have what role they like."""
    name, sagemaker = endpoint_of(session.names, spec), session.clients("sagemaker")
    state = Endpoints(sagemaker).describe(name) if name and stack.model_role_arn else None
    for variant in (*state.variants, *state.shadows) if state else ():
        if session.names.version_of_model(variant.model) is None:
            continue
        found = described(sagemaker.describe_model, ModelName=variant.model) or {}
        role = found.get("ExecutionRoleArn", stack.model_role_arn)
        if role != stack.model_role_arn:
            train, approve = session.command(f"train {spec.name} --data FILE"), session.command("approve")
            yield (
                f"endpoint {name} serves model {variant.model} of a removed stack: its role {role} is not this "
                "stack's, so SageMaker cannot start another instance of it and no version can take over beside it; "
                f"delete the endpoint, then {train} and {approve} the version that it registers"
            )
