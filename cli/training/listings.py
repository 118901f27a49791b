"""``sluice versions``: everything that was registered of one model; and short lists for other commands."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime

from cli.failures import OK
from cli.session import CliSession, Commands, read_spec
from cli.training import packages
from cli.training.origins import origin_as_json, origin_obstacle, run_of

_DETAILED = 10
"""Versions whose metrics are read; each takes two calls."""


def add_to(commands: Commands) -> None:
    versions = commands.add_parser("versions", help="list a model's versions")
    versions.add_argument("model")
    versions.set_defaults(run=run_versions)


def run_versions(arguments: Namespace, session: CliSession) -> int:
    read_spec(session, arguments.model)
    found = packages.list_versions(session, arguments.model)
    detailed = [packages.with_details(session, one) for one in found[:_DETAILED]] + found[_DETAILED:]
    show_versions(session, detailed)
    obstacles = {one.number: origin_obstacle(session, one) for one in detailed}
    for one in detailed:
        if obstacles[one.number]:
            session.out.text(f"{one.name} may not serve: {obstacles[one.number]}")
    told = [packages.as_json(one) | {"origin": origin_as_json(one, obstacles[one.number])} for one in detailed]
    session.out.result({"versions": told})
    return OK


def show_versions(session: CliSession, versions: list[packages.Version]) -> None:
    rows = [
        (
            one.name,
            one.approval,
            packages.shown_metrics(one),
            minute(one.created),
            run_of(one),
            one.description,
        )
        for one in versions
    ]
    session.out.table("Versions", ("version", "approval", "metrics", "registered", "run", "reason"), rows)


def clock(when: datetime) -> str:
    """The time of day, in the person's own time zone."""
    return when.astimezone().strftime("%H:%M:%S")


def moment(when: datetime | None) -> str:
    """Day and time without year and seconds, where there is little room."""
    return when.astimezone().strftime("%m-%d %H:%M") if when else ""


def minute(when: datetime | None) -> str:
    """For people, in their own time zone."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S") if when else ""
