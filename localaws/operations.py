"""The table of operations: what is served, what is refused for a reason, what is not there.

``python -m localaws.operations > localaws/OPERATIONS.md`` writes it; a test holds the page to the code.
"""

from __future__ import annotations

import sys
import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.session import Session

from localaws.context import Interpreters
from localaws.local_aws import LocalAws
from localaws.moto.operations import SERVED, WITHOUT_EFFECT
from localaws.moto.refusals import REFUSED

_WIDTH = 120
_INTRODUCTION = """\
# Operations

Written by `python -m localaws.operations`; a test holds this page to the code.

Every operation of every service that the local AWS has, as botocore {version} knows them:

- **served**: answered as AWS answers, as far as [the README](README.md#what-it-cannot-show) does not say otherwise. A
  parameter that is not supported is refused by name. *Kept without effect* are settings that can be written and read
  back, and that nothing obeys.
- **refused**: the storage behind could answer, and would answer wrongly; the reason is given, in the error, too.
- **not there**: nothing answers it.

What is refused or not there answers `NotImplemented`, status 501, with the name of the operation, in the protocol of
the client, and is recorded. So does every operation of a service that is not on this page.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTable:
    """What becomes of the operations of one service."""

    name: str
    served: frozenset[str]
    without_effect: frozenset[str]
    refused: Mapping[str, frozenset[str]]  # by reason
    not_there: frozenset[str]


def tables(own: Iterable[tuple[str, str]]) -> list[ServiceTable]:
    """One for each service, in order of their names. ``own``: (service, operation) of the services of our own."""
    ours: dict[str, set[str]] = {}
    for service, operation in own:
        ours.setdefault(service, set()).add(operation)
    session = Session()
    found = []
    for service in sorted(ours.keys() | SERVED.keys()):
        served = SERVED.get(service, frozenset()) | ours.get(service, set())
        refused = {reason: names - served for reason, names in REFUSED.get(service, {}).items()}
        known = frozenset(session.get_service_model(service).operation_names)
        found.append(
            ServiceTable(
                name=service,
                served=frozenset(served),
                without_effect=WITHOUT_EFFECT.get(service, frozenset()),
                refused={reason: names for reason, names in refused.items() if names},
                not_there=known - served - frozenset().union(*refused.values()),
            )
        )
    return found


def own_operations() -> list[tuple[str, str]]:
    """(service, operation) of the services of our own, from a local AWS that is made and not started."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(sys.executable)
        aws = LocalAws(Path(folder), Interpreters(containers=python, lambda_runtime=python))
        try:
            return [(service.name, operation) for service in aws.services for operation in service.operations]
        finally:
            aws.stop()


def page(found: Iterable[ServiceTable]) -> str:
    """The tables as Markdown."""
    import botocore

    found = list(found)
    head = "| service | served | refused | not there |\n|---|---|---|---|\n"
    rows = [
        f"| [{table.name}](#{table.name}) | {len(table.served)} | {sum(map(len, table.refused.values()))}"
        f" | {len(table.not_there)} |\n"
        for table in found
    ]
    return "\n".join([_INTRODUCTION.format(version=botocore.__version__), head + "".join(rows), *map(_section, found)])


def _section(table: ServiceTable) -> str:
    parts = [f"## {table.name}\n", _listed("**Served:**", table.served - table.without_effect)]
    if table.without_effect:
        parts.append(_listed("**Kept without effect:**", table.without_effect))
    parts += [_listed(f"**Refused, as {reason}:**", names) for reason, names in table.refused.items()]
    if table.not_there:
        parts.append(_listed("**Not there:**", table.not_there))
    return "\n".join(parts)


def _listed(title: str, names: Iterable[str]) -> str:
    return textwrap.fill(f"{title} {', '.join(sorted(names))}", _WIDTH, break_long_words=False) + "\n"


if __name__ == "__main__":
    print(page(tables(own_operations())), end="")
