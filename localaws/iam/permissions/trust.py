"""Trust: which service may assume a role that it is handed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from localaws.iam.conditions import ContextValue
from localaws.iam.permissions.permission import Permission
from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy
from localaws.service_api import AwsError, Call, invalid


def refuse_untrusting_roles(
    call: Call, needed: Iterable[Permission], trust_policy: Callable[[str], str | None]
) -> None:
    """Raise AwsError, in the words of the service, for a role among ``needed`` that the service may not assume.

    Every operation that hands a role to a service needs iam:PassRole with the service's name, whoever calls it.
    ``trust_policy`` reads the trust policy of a role by its name, and is None where there is no such role.
    """
    needed = tuple(needed)
    for permission in needed:
        if permission.action != "iam:PassRole":
            continue
        service = str(permission.context["iam:PassedToService"])
        document = trust_policy(permission.resource.rsplit("/", 1)[-1])
        if document is None or not _allows(document, permission.resource, service, call, needed[0].resource):
            raise _refusal(permission.resource, service)


def refuse_untrusting_role(role_arn: str, source_arn: str, trust_policy: Callable[[str], str | None]) -> None:
    """Raise AwsError, in the words in which it refuses one it is handed, for a role that SageMaker cannot assume now.

    SageMaker keeps a role's ARN with a model or a pipeline and assumes it whenever it starts a container or a step, on
    behalf of ``source_arn``: the role may have been deleted since, or trust somebody else.
    """
    service, (region, account) = "sagemaker.amazonaws.com", source_arn.split(":")[3:5]
    document = trust_policy(role_arn.rsplit("/", 1)[-1])
    keys = {"aws:SourceAccount": account, "aws:SourceArn": source_arn}
    if document is None or not _trusts(document, role_arn, service, region, keys):
        raise _refusal(role_arn, service)


def _allows(document: str, role_arn: str, service: str, call: Call, resource: str) -> bool:
    return _trusts(document, role_arn, service, call.region, source_keys(call, resource))


def _trusts(document: str, role_arn: str, service: str, region: str, keys: Mapping[str, ContextValue]) -> bool:
    regional = service.replace(".amazonaws.com", f".{region}.amazonaws.com")
    request = AccessRequest(
        action="sts:AssumeRole",
        resource=role_arn,
        context=keys,
        principals=frozenset({f"Service:{service}", f"Service:{regional}"}),
    )
    return decide(parse_policy(document), request) is Decision.ALLOWED


def source_keys(call: Call, resource: str) -> dict[str, ContextValue]:
    """The keys with which the service says on whose behalf it assumes the role that ``call`` on ``resource`` hands it.

    Each service has a form of its own, from its guide's page on confused deputies: SageMaker one for all of inference,
    which no pattern for a model or an endpoint matches, and executions for pipelines; the scheduler the group of a
    schedule. Lambda's guide has no such page, and says of ``aws:SourceArn`` that it is for what invokes functions: it
    may send none, and a role that insists on one could not be used.
    """
    match call.service:
        case "lambda":
            return {}
        case "scheduler":
            group = resource.split(":schedule/", 1)[-1].split("/", 1)[0]
            source = f"arn:aws:scheduler:{call.region}:{call.account}:schedule-group/{group}"
        case "sagemaker" if call.operation.endswith("Pipeline"):
            source = f"{resource}/execution/012345abcdef"
        case "sagemaker" if not call.operation.endswith("Job"):
            source = f"arn:aws:sagemaker:{call.region}:{call.account}:*"
        case _:
            source = resource
    return {"aws:SourceAccount": call.account, "aws:SourceArn": source}


def _refusal(role_arn: str, service: str) -> AwsError:
    """The words as users report them: awslabs/predictive-maintenance-using-machine-learning#3 for SageMaker,
    lumigo-io/lumigo-CLI#83 for Step Functions, Miserlou/Zappa#381 for EventBridge."""
    match service.split(".", maxsplit=1)[0]:
        case "lambda":
            message = "The role defined for the function cannot be assumed by Lambda."
            return AwsError("InvalidParameterValueException", message)
        case "scheduler":
            return invalid("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
        case "events":
            return invalid(f"Provided role '{role_arn}' cannot be assumed by principal '{service}'.")
        case "states":
            principals = f"the global service principal {service}, nor the regional one"
            return AwsError("AccessDeniedException", f"Neither {principals} is authorized to assume the provided role.")
        case _:
            who = f"Please ensure that the role exists and allows principal '{service}' to assume the role."
            return invalid(f"Could not assume role {role_arn}. {who}")
