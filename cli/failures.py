"""The errors that end a command, and their exit codes."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import AwsLibraryError, AwsRefusedError, Problem

from cli.exit_codes import BAD_INPUT, OK, REFUSED

__all__ = [
    "BAD_INPUT",
    "OK",
    "REFUSED",
    "BadInputError",
    "CommandError",
    "LocatedProblem",
    "NotFoundError",
    "SpecFilesError",
    "in_words",
]


class CommandError(Exception):
    """One clear sentence for the person at the keyboard."""

    exit_code = REFUSED


class NotFoundError(CommandError):
    """What was named does not exist in this stage."""


class BadInputError(CommandError):
    """The command line or a file it names is wrong; nothing was written."""

    exit_code = BAD_INPUT


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """A problem of a spec and where in the file it stands; lines and columns count from 1."""

    file: str
    line: int
    column: int
    problem: Problem

    def __str__(self) -> str:
        where = f"{self.problem.path}: " if self.problem.path else ""
        value = "" if self.problem.value is None else f"; value: {_brief(self.problem.value)}"
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {where}{self.problem.message}{value}; allowed: {self.problem.allowed}"

    def to_json(self) -> dict[str, object]:
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "field": self.problem.path,
            "value": None if self.problem.value is None else _brief(self.problem.value),
            "message": self.problem.message,
            "allowed": self.problem.allowed,
        }


class SpecFilesError(BadInputError):
    """Files that are no specs; carries every problem of every file."""

    def __init__(self, problems: tuple[LocatedProblem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


_NOT_SIGNED = {
    "NoCredentialsError": "Run `aws configure` or `aws sso login`, or choose a profile with AWS_PROFILE.",
    "PartialCredentialsError": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or choose a profile.",
    "CredentialRetrievalError": "Log in anew, such as with `aws sso login`.",
    "ProfileNotFound": "`aws configure list-profiles` lists those there are.",
    "SSOTokenLoadError": "Log in with `aws sso login`.",
    "UnauthorizedSSOTokenError": "Log in with `aws sso login`.",
    "TokenRetrievalError": "Log in with `aws sso login`.",
}
"""By the name of boto3's exception: what a person can do about credentials that are missing or over."""


def in_words(error: Exception) -> str:
    """One sentence for the person at the keyboard, whoever refused."""
    refusal = error if isinstance(error, AwsRefusedError) else error.__cause__
    if isinstance(refusal, AwsRefusedError):
        return f"AWS refused {refusal.operation}: {refusal.message} ({refusal.code})"
    if isinstance(error, AwsLibraryError) and error.code == "NoRegionError":
        return (
            "No AWS region is set: set AWS_DEFAULT_REGION or AWS_REGION, or choose a profile that has one with "
            "AWS_PROFILE"
        )
    if isinstance(error, AwsLibraryError) and error.code in _NOT_SIGNED:
        return f"No AWS request can be signed: {error}. {_NOT_SIGNED[error.code]}"
    if isinstance(error, AwsLibraryError):
        return f"The request to AWS could not be made: {error}"
    return str(error)


def _brief(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
