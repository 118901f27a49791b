"""Reads what a caller hands in: template, parameters, tags. Refuses by name what is not served."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError

from localaws.service_api import AwsError
from localaws.services.cloudformation.resources.stack import Stack, Submission

LONGEST_BODY = 51_200  # bytes of TemplateBody
LONGEST_OBJECT = 1_048_576  # bytes of what TemplateURL names
_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# Members of a request that say what is handed in.
SUBMITTED = {
    "Capabilities",
    "NotificationARNs",
    "Parameters",
    "Tags",
    "TemplateBody",
    "TemplateURL",
    "UsePreviousTemplate",
}


def invalid(message: str) -> AwsError:
    """CloudFormation's error for nearly every invalid request."""
    return AwsError("ValidationError", message)


def refuse_unserved(operation: str, params: Mapping[str, Any], served: Collection[str]) -> None:
    """Raise for the first member of a request that would have no effect here."""
    for name in sorted(params.keys() - set(served)):
        if params[name]:
            raise invalid(f"{operation}: {name} is not served by the local CloudFormation")


def check_stack_name(name: str) -> None:
    if not _STACK_NAME.fullmatch(name):
        pattern = "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        problem = f"Value '{name}' at 'stackName' failed to satisfy constraint: {pattern}"
        raise invalid(f"1 validation error detected: {problem}")


def read_submission(params: Mapping[str, Any], previous: Stack | None, s3: Any, endpoint_url: str) -> Submission:
    """What a request hands in; ``previous`` is the stack that it is about to change, if any."""
    before = Submission(text="") if previous is None else previous.submission
    parameters = {} if previous is None else previous.parameters
    given_tags = params.get("Tags")
    notification_arns = params.get("NotificationARNs")
    return Submission(
        text=template_text(params, before.text, s3, endpoint_url),
        parameters=_parameters(params.get("Parameters", []), parameters),
        # Left out, tags stay as they are; an empty list removes them.
        tags=before.tags if given_tags is None else {tag["Key"]: tag["Value"] for tag in given_tags},
        capabilities=tuple(params.get("Capabilities", [])),
        notification_arns=before.notification_arns if notification_arns is None else tuple(notification_arns),
    )


def template_text(params: Mapping[str, Any], previous: str, s3: Any, endpoint_url: str) -> str:
    """The template of a request, from the one of the three places that it names."""
    body, url = params.get("TemplateBody"), params.get("TemplateURL")
    if params.get("UsePreviousTemplate"):
        if body or url:
            raise invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
        return previous
    if bool(body) == bool(url):
        raise invalid("Either Template URL or Template Body must be specified.")
    if url:
        return _downloaded(str(url), s3, endpoint_url)
    if len(str(body).encode()) > LONGEST_BODY:
        limit = f"Member must have length less than or equal to {LONGEST_BODY}"
        raise invalid(f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: {limit}")
    return str(body)


def s3_place(url: str, endpoint_url: str) -> dict[str, str]:
    """``Bucket``, ``Key`` and perhaps ``VersionId`` of an S3 URL: path style or the bucket in the host's name."""
    parts = urlsplit(url)
    bucket, path = "", parts.path.lstrip("/")
    host = parts.hostname or ""
    if parts.netloc == urlsplit(endpoint_url).netloc or re.match(r"s3[.-][a-z0-9.-]*amazonaws\.com$", host):
        bucket, _, path = path.partition("/")
    elif found := re.match(r"(.+)\.s3[.-][a-z0-9.-]*amazonaws\.com$", host):
        bucket = found[1]
    if not bucket or not path:
        raise invalid("TemplateURL must be a supported URL.")
    versions = parse_qs(parts.query).get("versionId", [])
    return {"Bucket": bucket, "Key": unquote(path), **({"VersionId": versions[0]} if versions else {})}


def _downloaded(url: str, s3: Any, endpoint_url: str) -> str:
    place = s3_place(url, endpoint_url)
    try:
        content: bytes = s3.get_object(**place)["Body"].read()
    except ClientError as error:
        more = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        raise invalid(f"S3 error: {error.response['Error']['Message']}\n{more}") from error
    if len(content) > LONGEST_OBJECT:
        raise invalid(f"Template may not exceed {LONGEST_OBJECT} bytes in size.")
    return content.decode()


def _parameters(given: list[Mapping[str, Any]], previous: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for each in given:
        name = each["ParameterKey"]
        if not each.get("UsePreviousValue"):
            values[name] = str(each.get("ParameterValue", ""))
        elif name in previous:
            values[name] = previous[name]
        else:
            problem = "Cannot specify usePreviousValue as true for a parameter key not in the previous template"
            raise invalid(f"Invalid input for parameter key {name}. {problem}")
    return values


def page(items: list[Any], token: str | None, size: int) -> tuple[list[Any], dict[str, str]]:
    """A page of a list and ``NextToken`` if there is more. Tokens count from the end: lists grow at their front."""
    if token is not None and not token.isdigit():
        raise invalid(f"Invalid next token: {token}")
    left = items if token is None else items[len(items) - min(int(token), len(items)) :]
    rest = len(left) - size
    return left[:size], {"NextToken": str(rest)} if rest > 0 else {}
