"""The idempotency token of a run, and the run's name, both made from all that decides the run's result. Pure.

SageMaker starts one execution for one ClientRequestToken, however often StartPipelineExecution is called. So the token
is derived from the work instead of drawn at random: the same work always gives the same token and the same name, also
after a crash, on another machine, or years later. A run whose name has been started before is therefore never started
again, unless a request that carries a nonce asks for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAME_CHARACTERS = 24
"""How much of the token a run's name holds: 96 bits of a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is done with the data: all that decides a run's result beside the files."""

    pipeline: str
    """Digest of the pipeline's definition, which holds the spec's parameters and gate, and names the code of each job,
    the image and the data contract by their content."""
    live: str
    """What the gate compares with, as in ``pipeline_parameters.live_metric``."""
    parameters: Mapping[str, str]
    """Those that the requests set; the ones that Sluice fills in follow from the rest."""


def run_token(digest: str, recipe: Recipe, nonces: Sequence[str] = ()) -> str:
    """The token of a run: 64 hexadecimal digits, equal for equal work.

    Release 0.2 made it of the files and the requests' parameters alone, which did not tell a changed spec from the
    same work: its runs have other names, and none of this release is taken for one of them.

    Args:
        digest: of the run's manifest.
        nonces: ids of the requests to do the same work once more, in any order.
    """
    identity = [digest, recipe.pipeline, recipe.live, sorted(recipe.parameters.items()), sorted(nonces)]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def definition_digest(definition: Mapping[str, Any]) -> str:
    """SHA-256 of a pipeline's definition, the same for those that differ in blanks and in the order of keys only."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def run_name(token: str) -> str:
    """A run's name: letters, digits and hyphens, at most the 82 that SageMaker allows in a display name."""
    return f"data-{token[:_NAME_CHARACTERS]}"
