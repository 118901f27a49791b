"""``sluice approve`` and ``sluice reject``: a person's word on a version."""

from __future__ import annotations

from argparse import Namespace

from cli.failures import OK, BadInputError
from cli.packages import as_json, find_version, shown_metrics
from cli.session import CliSession, Commands

_REASON_MAX = 1024


def add_to(commands: Commands) -> None:
    for word, status, effect in (
        ("approve", "Approved", "approve a version, which starts its rollout"),
        ("reject", "Rejected", "reject a version"),
    ):
        command = commands.add_parser(word, help=effect)
        command.add_argument("version", metavar="MODEL/VERSION", help="such as fraud/7")
        command.add_argument("--reason", default="", help="kept with the version, up to 1024 characters")
        command.set_defaults(run=run, status=status)


def run(arguments: Namespace, session: CliSession) -> int:
    reason: str = arguments.reason
    if len(reason) > _REASON_MAX:
        raise BadInputError(f"--reason has {len(reason)} characters; SageMaker keeps up to {_REASON_MAX}")
    version = find_version(session, arguments.version)
    session.out.text(f"{version.name}  {version.approval}  {shown_metrics(version)}  {version.description}".rstrip())
    told = as_json(version)
    if version.approval == arguments.status and reason in ("", version.description):
        session.out.text(f"{version.name} is {version.approval} already; nothing is changed")
    else:
        description = {"ApprovalDescription": reason} if reason else {}
        session.clients("sagemaker").update_model_package(
            ModelPackageArn=version.arn, ModelApprovalStatus=arguments.status, **description
        )
        told |= {"approval": arguments.status, "description": reason or version.description}
        session.out.text(f"{version.name} is {arguments.status} now")
    session.out.result({**told, "was": version.approval})
    return OK
