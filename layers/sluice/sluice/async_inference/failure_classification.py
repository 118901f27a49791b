"""Classifies failures of asynchronous invocations as transient or permanent, by SageMaker's failure texts. Pure.

SageMaker does not document these texts. So a failure is permanent only if it is certainly the request's own fault;
every unknown text counts as transient, and ``async.max_attempts`` bounds the retries.
"""

from __future__ import annotations

import re

EXPIRED_PREFIX = "The request expired"
"""How our own reason begins for a request without any notification; permanent, as SageMaker's own expiry is."""

_STATUS = re.compile(r"\berror \((\d{3})\)", re.IGNORECASE)
_TRANSIENT_CLIENT_ERRORS = frozenset({408, 425, 429})
"""Timeouts and throttling, which the container answers with a 4xx, too."""

_PERMANENT = re.compile(
    # Its time in the queue ran out: the sender no longer waits for it, and the queue is too long already.
    r"\bexpired\b"
    # The input does not exist, or the model's role may not read it.
    r"|no ?such ?key|no ?such ?bucket|does not exist|\(404\)|not found"
    r"|access ?denied|forbidden|\(403\)|not authorized|unauthorized"
    # The input is too large, or the request is malformed.
    r"|too large|larger than|exceeds|more than the maximum|payload size"
    r"|unsupported media|validation ?error|validation ?exception",
    re.IGNORECASE,
)


def is_transient(reason: str) -> bool:
    """Whether the same request may succeed later: 5xx of the model, timeouts, missing capacity, and unknown texts."""
    status = _STATUS.search(reason)
    if status:
        number = int(status[1])
        return number >= 500 or number in _TRANSIENT_CLIENT_ERRORS
    return _PERMANENT.search(reason) is None
