"""Writes the tables in ``docs/security.md``: what is kept, and what roles may do, as deployed with every option on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from security.cross_stage import REASONS, crossing
from security.deployed_template import ROOT, Resource, RoleStatement, deployed, of_type, role_statements

PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- begin: written by `python -m security roles` -->", "<!-- end -->"
_DAY = 24 * 3600
_STAGE = "anystage"
_LOG_OF_FUNCTION = rf"^(/aws/lambda/sluice-{_STAGE}-).+"
_OPTIONS = {
    "Tracing": "Active",
    "DataKmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/any",
    "ModelRepositories": "arn:aws:ecr:us-east-1:111122223333:repository/any",
    "ArtifactLocations": "arn:aws:s3:::any-bucket/any/*",
}
_WRITTEN = {_STAGE: "STAGE"} | {value: f"<{name}>" for name, value in _OPTIONS.items() if value != "Active"}


def write() -> int:
    """Put the tables into the page; the exit status."""
    PAGE.write_text(page_with(PAGE.read_text(), tables()))
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


def page_with(page: str, text: str) -> str:
    """The page with what is between its marks replaced; raises ValueError if it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has to have the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def tables() -> str:
    """What is kept for how long, a table for each role, and one of what reaches beyond the stage."""
    resources = deployed(_STAGE, **_OPTIONS)
    statements = list(role_statements(resources))
    roles = [_role_table(name, role, statements) for name, role in of_type("AWS::IAM::Role", resources).items()]
    text = "\n".join([_kept_table(resources), "## Roles", "", *roles, _crossing_table()])
    for value, name in _WRITTEN.items():
        text = text.replace(value, name).replace(_short(value), name)
    return text


def _kept_table(resources: Mapping[str, Resource]) -> str:
    """Objects, items, messages and logs, from the resources that hold them."""
    rows = []
    for name, bucket in of_type("AWS::S3::Bucket", resources).items():
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            rows.append((f"`{name}`, {_selected(rule)}", _lifetime(rule)))
        rows.append((f"`{name}`, everything else", "until somebody deletes it"))
    for name, table in of_type("AWS::DynamoDB::Table", resources).items():
        expiring = table.get("TimeToLiveSpecification", {}).get("AttributeName")
        rows.append((f"`{name}`", f"until its `{expiring}`, where an item has one" if expiring else "with the table"))
    for queue in of_type("AWS::SQS::Queue", resources).values():
        rows.append((f"`{queue['QueueName']}`", f"{queue['MessageRetentionPeriod'] // _DAY} days, if nobody takes it"))
    names = {
        group["LogGroupName"]: group["RetentionInDays"] for group in of_type("AWS::Logs::LogGroup", resources).values()
    }
    for name, days in sorted(
        {re.sub(_LOG_OF_FUNCTION, r"\1<function>", name): days for name, days in names.items()}.items()
    ):
        rows.append((f"`{name}`", f"{days} days (`LogRetentionDays`)"))
    lines = ["| what | kept for |", "|---|---|", *(f"| {what} | {kept} |" for what, kept in rows), ""]
    return "\n".join(lines)


def _selected(rule: Mapping[str, Any]) -> str:
    if "Prefix" in rule:
        return f"`{rule['Prefix']}`"
    tags = [f"`{tag['Key']}={tag['Value']}`" for tag in rule.get("TagFilters", [])]
    return f"objects with the tag {' and '.join(tags)}" if tags else "all of it"


def _lifetime(rule: Mapping[str, Any]) -> str:
    """A rule may say several things."""
    kept = []
    if rule.get("ExpiredObjectDeleteMarker"):
        kept.append("a mark of a deletion: until what it hides is gone")
    if "ExpirationInDays" in rule:
        kept.append(f"{rule['ExpirationInDays']} days")
    if "NoncurrentVersionExpiration" in rule:
        kept.append(f"{rule['NoncurrentVersionExpiration']['NoncurrentDays']} days once it is replaced or deleted")
    if "AbortIncompleteMultipartUpload" in rule:
        kept.append(
            f"an upload in parts that nobody ends: {rule['AbortIncompleteMultipartUpload']['DaysAfterInitiation']} days"
        )
    return "; ".join(kept)


def _role_table(name: str, role: Mapping[str, Any], statements: list[RoleStatement]) -> str:
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    lines = [
        f"### {name}",
        "",
        f"Assumed by `{trust['Principal']['Service']}`{_only_if(trust.get('Condition', {}))}.",
        "",
    ]
    lines += ["| may | on | only if |", "|---|---|---|"]
    lines += _rows([each for each in statements if each.role == name])
    return "\n".join([*lines, ""])


def _rows(statements: list[RoleStatement]) -> Iterator[str]:
    """What has the same resources and conditions is one row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for each in statements:
        on = "<br>".join(f"`{_short(resource)}`" for resource in each.resources)
        rows.setdefault((each.effect, on, _conditions(each.conditions)), []).extend(each.actions)
    for (effect, on, condition), actions in rows.items():
        may = ", ".join(f"`{action}`" for action in dict.fromkeys(actions))
        yield f"| {'never ' if effect == 'Deny' else ''}{may} | {on} | {condition} |"


def _crossing_table() -> str:
    lines = ["### What reaches beyond the stage", "", "| action | on | why |", "|---|---|---|"]
    for action, patterns in sorted(crossing().items()):
        on = "<br>".join(f"`{_short(each)}`" for each in sorted(patterns))
        lines.append(f"| `{action}` | {on} | {REASONS[action]} |")
    return "\n".join([*lines, ""])


def _only_if(conditions: Mapping[str, Any]) -> str:
    return f", only if {_conditions(conditions)}" if conditions else ""


def _conditions(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    found = []
    for operator, tests in conditions.items():
        for key, wanted in tests.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            word = "is not" if "Not" in operator else "is"
            found.append(f"`{key}` {word} " + " or ".join(f"`{_short(str(value))}`" for value in values))
    return " and ".join(found)


def _short(resource: str) -> str:
    """Without the account and Region, which are the stack's own."""
    if match := re.fullmatch(r"arn:aws:(?:[a-z0-9-]+):(?:REGION)?:(?:ACCOUNT)?:(.+)", resource):
        return match[1] if match[1] != "*" else resource
    return resource
