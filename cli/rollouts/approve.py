"""``sluice approve`` and ``sluice reject``: a person's word on a version."""

from __future__ import annotations

from argparse import Namespace

from sluice.bootstrap.adapters import Adapters
from sluice.rollout.model.live_version import live_version
from sluice.rollout.planning.approvals import last_known_good

from cli.failures import OK, BadInputError, CommandError
from cli.session import CliSession, Commands, ports_of
from cli.training.origins import origin_as_json, origin_obstacle, show_origin
from cli.training.packages import Version, as_json, find_version, reason_before, shown_metrics

_REASON_MAX = 1024


def add_to(commands: Commands) -> None:
    for word, status, effect in (
        ("approve", "Approved", "approve a version, which starts its rollout"),
        ("reject", "Rejected", "reject a version"),
    ):
        command = commands.add_parser(word, help=effect)
        command.add_argument("version", metavar="MODEL/VERSION", help="such as fraud/7")
        command.add_argument("--reason", default="", help="kept with the version, up to 1024 characters")
        command.set_defaults(run=run, status=status, again=False)
        if status == "Approved":
            command.add_argument("--again", action="store_true", help="roll out again what is Approved already")


def run(arguments: Namespace, session: CliSession) -> int:
    reason: str = arguments.reason
    if len(reason) > _REASON_MAX:
        raise BadInputError(f"--reason has {len(reason)} characters; SageMaker keeps up to {_REASON_MAX}")
    version = find_version(session, arguments.version)
    if arguments.status == "Approved" and version.status == "Failed":
        raise CommandError(f"{version.name}: its registration has failed, so it cannot be rolled out; register it anew")
    session.out.text(f"{version.name}  {version.approval}  {shown_metrics(version)}  {version.description}".rstrip())
    obstacle = origin_obstacle(session, version)
    show_origin(session, version, obstacle)
    if arguments.status == "Approved" and obstacle:
        raise CommandError(f"{version.name} may not serve, so it is not approved: {obstacle}")
    ports = ports_of(session)
    serving = live_version(version.model, ports)
    live = find_version(session, f"{version.model}/{serving}") if serving not in (None, version.number) else None
    _compare(session, version, live)
    result = (
        as_json(version) | {"origin": origin_as_json(version, obstacle)} | {"live": as_json(live) if live else None}
    )
    if serving == version.number and arguments.status == "Rejected":
        result |= {"comes_back": _announce_replacement(session, version, ports)}
    if arguments.again and serving == version.number:
        raise CommandError(f"{version.name} is live: there is nothing to roll out again")
    if version.approval == arguments.status and not arguments.again:
        _leave_alone(session, version, reason, is_live=serving == version.number)
    else:
        said = reason_before(reason, version.description) if reason else ""
        description = {"ApprovalDescription": said} if said else {}
        session.clients("sagemaker").update_model_package(
            ModelPackageArn=version.arn, ModelApprovalStatus=arguments.status, **description
        )
        result |= {"approval": arguments.status, "description": said or version.description}
        session.out.text(f"{version.name} is {arguments.status} now")
        if arguments.status == "Approved" and version.status != "Completed":
            session.out.text(f"Its registration is {version.status}: its rollout begins when that is Completed")
    session.out.result({**result, "was": version.approval})
    return OK


def _leave_alone(session: CliSession, version: Version, reason: str, *, is_live: bool) -> None:
    """Written once more, it would look like another decision on the version."""
    unkept = ", and the reason is not kept" if reason not in ("", version.description) else ""
    session.out.text(f"{version.name} is {version.approval} already; nothing is changed{unkept}")
    if version.approval == "Approved" and not is_live:
        session.out.text(f"To roll it out again: {session.command(f'approve {version.name} --again')}")


def _announce_replacement(session: CliSession, version: Version, ports: Adapters) -> str | None:
    """The version that takes the place of a live one that is rejected; None if it serves on."""
    good = last_known_good(version.number, ports.store.rollouts(version.model), lambda arn: _is_approved(arn, ports))
    if good is None:
        session.out.text(f"{version.name} is live and will serve on: no other promoted version is still Approved")
        return None
    name = f"{version.model}/{good.id.version}"
    session.out.text(f"{version.name} is live: {name} comes back in its place at once")
    return name


def _is_approved(arn: str, ports: Adapters) -> bool:
    return ports.registry.describe(arn).is_approved


def _compare(session: CliSession, version: Version, live: Version | None) -> None:
    """The metrics of both, side by side."""
    if live is None:
        session.out.text("No other version is live")
        return
    ours, theirs = version.metrics or {}, live.metrics or {}
    rows = [
        (
            name,
            f"{ours[name]:.6g}" if name in ours else "",
            f"{theirs[name]:.6g}" if name in theirs else "",
            f"{ours[name] - theirs[name]:+.6g}" if name in ours and name in theirs else "",
        )
        for name in dict.fromkeys((*ours, *theirs))
    ]
    session.out.table("Metrics", ("metric", version.name, f"{live.name} (live)", "difference"), rows)
