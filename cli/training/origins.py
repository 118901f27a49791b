"""What a version is made of, for people: its run, its images and its artifacts, and whether it may serve."""

from __future__ import annotations

from sluice.errors import AwsRefusedError, SpecError, UnknownModelError
from sluice.rollout.planning.origin import shown_run
from sluice.rollout.planning.origin_check import untrusted
from sluice.spec.model import AllowedOrigin

from cli.session import CliSession, ports_of, read_stack
from cli.training.packages import Version


def origin_obstacle(session: CliSession, version: Version) -> str:
    """Why the version would not be rolled out because of what it is made of.

    Empty if it would, and for a stack of an earlier release, which does not check.
    """
    if version.package is None or not read_stack(session).trusted_images:
        return ""
    ports = ports_of(session)
    try:
        own = ports.specs.get(version.model).origin
    except (UnknownModelError, SpecError):
        own = AllowedOrigin()
    try:
        return untrusted(version.package, own, ports)
    except AwsRefusedError as error:
        return f"its artifact cannot be looked at: {error.code}"


def run_of(version: Version) -> str:
    """The run's id; empty if it was not looked for."""
    if version.package is None:
        return ""
    return version.package.generated_by.rpartition("/")[2] or "by hand"


def show_origin(session: CliSession, version: Version, obstacle: str) -> None:
    """A line for its run, its images and its artifacts, and one if it may not serve."""
    if version.package is None:
        return
    session.out.text(f"  run       {shown_run(version.package)}")
    for container in version.package.containers:
        session.out.text(f"  image     {container.image}")
        for _, uri in container.artifacts:
            session.out.text(f"  artifact  {uri}")
    if obstacle:
        session.out.text(f"  {version.name} may not serve: {obstacle}")


def origin_as_json(version: Version, obstacle: str) -> dict[str, object]:
    """The same for programs; ``obstacle`` is null if there is none."""
    containers = version.package.containers if version.package else ()
    return {
        "run": (version.package.generated_by if version.package else "") or None,
        "images": [each.image for each in containers],
        "artifacts": [uri for each in containers for _, uri in each.artifacts],
        "obstacle": obstacle or None,
    }
