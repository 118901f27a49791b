"""Classifies failures of asynchronous invocations as transient or permanent, by SageMaker's failure texts. Pure.

SageMaker does not document these texts. So a failure is permanent only if its text is about the input object and says
that this cannot be read or is not what it should be. Every other text counts as transient, and
``async.max_attempts`` bounds the retries.
"""

from __future__ import annotations

import re

EXPIRED_PREFIX = "The request expired"
"""How our own reason begins for a request without any notification; permanent, as SageMaker's own expiry is."""

_STATUS = re.compile(r"\berror \((\d{3})\)", re.IGNORECASE)
_TRANSIENT_CLIENT_ERRORS = frozenset({408, 425, 429})
"""Timeouts and throttling, which the container answers with a 4xx, too."""

_URI = re.compile(
    r"s3://\S*[^\s:,;.)]"
    # A key may have blanks: then words follow that have a slash or end as a file does, or lead to one.
    r"(?:(?:\s(?!(?:and|at|by|could|does|for|from|in|is|not|of|on|to|via|was|with)\b)[\w-]+){0,3}?"
    r"\s(?:[\w.-]+/\S*|[\w-]+\.(?:csv|gz|jpe?g|jsonl?|npy|parquet|png|txt|zip)\b))*|s3://\S*"
)
_HOST_ID = re.compile(r"[,(]?\s*\bhost ?id: ?[^\s,;)]+\)?", re.IGNORECASE)
"""S3 ends its errors with the ids of the request and of the host, whatever is the matter."""

_EXPIRED = re.compile(
    r"\brequest (?:has |was |is )?(?:already )?expired\b"
    r"|\b(?:ttl|time to live)\b(?:\W+\w+){0,3}?\W+expired\b|\bexpired (?:\w+ )?(?:in|from) the queue\b",
    re.IGNORECASE,
)
"""Its time in the queue ran out: the sender no longer waits for it, and the queue is too long already."""

_CREDENTIALS = re.compile(
    r"token|credential|certificate|signature|access ?denied|\b(?:lease|session|key|url)\b", re.IGNORECASE
)
"""What expires besides a request, and is renewed."""

_INPUT = re.compile(
    r"s3://|\b(?:input|payload|object|body|content type|media type)\b|(?:get|head)object"
    r"|no ?such ?(?:key|bucket|version)",
    re.IGNORECASE,
)
"""What a text has to name: the same words of a host, a worker or a zone are trouble that passes."""

_PERMANENT = re.compile(
    # The input does not exist, or the model's role may not read it.
    r"no ?such ?(?:key|bucket|version)|does not exist|\(404\)|not found"
    r"|access ?denied|forbidden|\(403\)|not authorized|unauthorized"
    # The input is too large, or the request is malformed.
    r"|too large|larger than|exceeds|more than the maximum|payload size"
    r"|unsupported media|validation ?error|validation ?exception",
    re.IGNORECASE,
)

_INFRASTRUCTURE = re.compile(
    r"\b(?:upstream|hosts?|workers?|capacity|zone|instances?|connections?|container|model server"
    r"|requests exceeds?|rate exceeded|service limit|quota|retry later|try again|slow ?down)\b",
    re.IGNORECASE,
)
"""A text that names such a thing is about where the request was worked on, whatever else it says."""

_NOT_INPUT = re.compile(r"\b(?:output|upload(?:ing)?|writ(?:e|ing)|artifacts?|model data)\b", re.IGNORECASE)
"""Objects that are not the input's: where the answer is put, and the model. Their trouble is not its fault."""


def is_transient(reason: str) -> bool:
    """Whether the same request may succeed later: 5xx of the model, timeouts, missing capacity, and unknown texts."""
    status = _STATUS.search(reason)
    if status:
        number = int(status[1])
        return number >= 500 or number in _TRANSIENT_CLIENT_ERRORS
    words = _HOST_ID.sub("", _URI.sub("s3://", reason))  # a key may be called "hosts"
    if _EXPIRED.search(words):
        return _CREDENTIALS.search(words) is not None
    is_about_the_input = _INPUT.search(words) is not None and not any(
        other.search(words) for other in (_INFRASTRUCTURE, _NOT_INPUT)
    )
    return not (is_about_the_input and _PERMANENT.search(words))
