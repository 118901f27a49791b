"""Which failures of an asynchronous request another try can help, told from SageMaker's texts. Pure.

The texts are not documented. So only what is surely the request's own fault is final; whatever is not understood
counts as passing, and ``async.max_attempts`` ends it.
"""

from __future__ import annotations

import re

EXPIRED = "The request expired"
"""How our own reason begins for a request of which nothing was heard; final as SageMaker's own expiry is."""

_STATUS = re.compile(r"\berror \((\d{3})\)", re.IGNORECASE)
_PASSING_CLIENT_ERRORS = frozenset({408, 425, 429})
"""Timeouts and throttling, which the container answers with a 4xx, too."""

_FINAL = re.compile(
    # Its time in the queue was over: whoever sent it does not want it any more, and the queue is too long as it is.
    r"\bexpired\b"
    # The input is not there, or the model's role may not read it.
    r"|no ?such ?key|no ?such ?bucket|does not exist|\(404\)|not found"
    r"|access ?denied|forbidden|\(403\)|not authorized|unauthorized"
    # The input is too large, or the request malformed.
    r"|too large|larger than|exceeds|more than the maximum|payload size"
    r"|unsupported media|validation ?error|validation ?exception",
    re.IGNORECASE,
)


def is_passing(reason: str) -> bool:
    """Whether the same request may succeed later: 5xx of the model, timeouts, missing capacity, and the unknown."""
    status = _STATUS.search(reason)
    if status:
        number = int(status[1])
        return number >= 500 or number in _PASSING_CLIENT_ERRORS
    return _FINAL.search(reason) is None
