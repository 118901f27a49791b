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

_URI = re.compile(r"s3://\S+")
_EXPIRED = re.compile(r"\bexpired\b", re.IGNORECASE)
"""Its time in the queue ran out: the sender no longer waits for it, and the queue is too long already."""

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
    r"|requests exceeds?|rate exceeded|service limit|quota|retry later|try again)\b",
    re.IGNORECASE,
)
"""A text that names such a thing is about where the request was worked on, whatever else it says."""


def is_transient(reason: str) -> bool:
    """Whether the same request may succeed later: 5xx of the model, timeouts, missing capacity, and unknown texts."""
    status = _STATUS.search(reason)
    if status:
        number = int(status[1])
        return number >= 500 or number in _TRANSIENT_CLIENT_ERRORS
    if _EXPIRED.search(reason):
        return False
    words = _URI.sub("s3://", reason)  # a key may be called "hosts"
    is_about_the_input = _INPUT.search(words) is not None and _INFRASTRUCTURE.search(words) is None
    return not (is_about_the_input and _PERMANENT.search(words))
