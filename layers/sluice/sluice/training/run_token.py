"""The idempotency token of a run, and the run's name, both made from what the run trains on. Pure.

SageMaker starts one execution for one ClientRequestToken, however often StartPipelineExecution is called. So the token
is derived from the work instead of drawn at random: the same files with the same parameters always give the same token
and the same name, also after a crash, on another machine, or years later. A run whose name has been started before is
therefore never started again, unless a request that carries a nonce asks for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

_NAME_CHARACTERS = 24
"""How much of the token a run's name holds: 96 bits of a hash."""


def run_token(digest: str, parameters: Mapping[str, str], nonces: Sequence[str] = ()) -> str:
    """The token of a run: 64 hexadecimal digits, equal for equal work.

    Args:
        digest: of the run's manifest, which is the token itself where nothing else is given.
        parameters: those that the requests set; the ones that Sluice fills in follow from the rest.
        nonces: ids of the requests to do the same work once more, in any order.
    """
    if not parameters and not nonces:
        return digest
    identity = [digest, sorted(parameters.items()), sorted(nonces)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def run_name(token: str) -> str:
    """A run's name: letters, digits and hyphens, at most the 82 that SageMaker allows in a display name."""
    return f"data-{token[:_NAME_CHARACTERS]}"
