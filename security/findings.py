"""What scanners found, read from their reports, beside what is accepted with a reason. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that a rule of a scanner does not like."""

    scanner: str
    rule: str
    place: str  # a logical id of the template, or a file and line
    text: str

    def __str__(self) -> str:
        return f"{self.scanner}: {self.rule} at {self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One rule that may find things at ``places`` (patterns), and why."""

    scanner: str
    rule: str
    places: tuple[str, ...]
    why: str


class AcceptedError(ValueError):
    """The list of what is accepted has a wrong entry; names it."""


def read_accepted(document: Mapping[str, Mapping[str, Any]], scanners: Iterable[str]) -> list[Accepted]:
    """Of scanner -> rule -> ``{at: pattern or patterns, why: text}``; raises AcceptedError for anything else."""
    known = set(scanners)
    found = []
    for scanner, rules in document.items():
        if scanner not in known:
            raise AcceptedError(f"{scanner}: no such scanner; there are {', '.join(sorted(known))}")
        for rule, entry in (rules or {}).items():
            if not isinstance(entry, Mapping) or entry.keys() != {"at", "why"} or not str(entry["why"]).strip():
                raise AcceptedError(f"{scanner}: {rule}: has to have `at` and `why`, and nothing else")
            places = entry["at"] if isinstance(entry["at"], list) else [entry["at"]]
            found.append(Accepted(scanner, rule, tuple(map(str, places)), str(entry["why"])))
    return found


def problems(findings: Iterable[Finding], accepted: Iterable[Accepted]) -> list[str]:
    """Findings that nothing accepts, and accepted places at which nothing is found: a reason outlives no finding."""
    everything, reasons = sorted(findings), list(accepted)
    return [
        *(str(each) for each in everything if not any(_accepts(one, place, each) for one, place in _places(reasons))),
        *(
            f"{one.scanner}: {one.rule} finds nothing at {place} any more: take it off the list"
            for one, place in _places(reasons)
            if not any(_accepts(one, place, each) for each in everything)
        ),
    ]


def _places(accepted: Iterable[Accepted]) -> Iterator[tuple[Accepted, str]]:
    for one in accepted:
        for place in one.places:
            yield one, place


def _accepts(one: Accepted, place: str, finding: Finding) -> bool:
    is_rule = (one.scanner, one.rule) == (finding.scanner, finding.rule)
    return is_rule and fnmatch.fnmatchcase(finding.place, place)


def of_checkov(report: Any) -> Iterator[Finding]:
    """Of ``--output json`` for one framework; raises ValueError when it could not read the template."""
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise ValueError("checkov has checked nothing")
    for each in report["results"]["failed_checks"]:
        yield Finding("checkov", each["check_id"], each["resource"].rsplit(".", 1)[-1], each["check_name"])


def of_cdk_nag(report: Any) -> Iterator[Finding]:
    """Of the validation report of a synthesis; a finding's own part of a rule's name, in brackets, goes to its text."""
    for plugin in report["pluginReports"]:
        for violation in plugin["violations"]:
            rule, _, part = violation["ruleName"].partition("[")
            text = f"{violation['description']} {part.rstrip(']')}".strip()
            for construct in violation["violatingConstructs"]:
                yield Finding("cdk-nag", rule, construct["constructPath"].rsplit("/", 1)[-1], text)


def of_bandit(report: Any) -> Iterator[Finding]:
    """Of ``--format json``; raises ValueError for a file that it could not read."""
    if report["errors"]:
        raise ValueError(f"bandit has not read {report['errors']}")
    for each in report["results"]:
        place = f"{each['filename'].removeprefix('./')}:{each['line_number']}"
        yield Finding("bandit", each["test_id"], place, each["issue_text"])


def of_zizmor(report: Any) -> Iterator[Finding]:
    """Of ``--format json``."""
    for each in report:
        if not each["ignored"]:
            location = each["locations"][0]
            path = next(iter(location["symbolic"]["key"].values()))["verbatim_path"]
            row = location["concrete"]["location"]["start_point"]["row"] + 1
            yield Finding("zizmor", each["ident"], f"{path}:{row}", each["desc"])


PARSERS: Mapping[str, Callable[[Any], Iterator[Finding]]] = {
    "checkov": of_checkov,
    "cdk-nag": of_cdk_nag,
    "bandit": of_bandit,
    "zizmor": of_zizmor,
}
