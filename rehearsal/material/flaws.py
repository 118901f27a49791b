"""Flaws of versions: each is a few lines at the end of the model's own ``inference.py``, run in its container.

Nothing is injected into the platform: a flawed version is one that somebody could have trained and registered.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Python that is appended to ``inference.py``, where it may replace the container's four functions."""

    name: str  # of its artifact: equal names mean equal code
    code: str


def slow(seconds: float) -> Flaw:
    """Answers right, ``seconds`` later."""
    return Flaw(
        name=f"slow-{seconds:g}",
        code=f"""
import time

def predict_fn(rows, model, sound=predict_fn):
    time.sleep({seconds})
    return sound(rows, model)
""",
    )


def failing(share: float = 1.0) -> Flaw:
    """Fails on ``share`` (0..1) of its requests, evenly spread."""
    return Flaw(
        name=f"failing-{share:g}",
        code=f"""
import itertools

_requests = itertools.count(1)

def predict_fn(rows, model, sound=predict_fn):
    number = next(_requests)
    if int(number * {share}) > int((number - 1) * {share}):
        raise ValueError("this version does not know what to make of the request")
    return sound(rows, model)
""",
    )


def disagreeing(by: float) -> Flaw:
    """Predicts ``by`` more than it should; nothing else tells it from a sound version."""
    return Flaw(
        name=f"disagreeing-{by:g}",
        code=f"""
def predict_fn(rows, model, sound=predict_fn):
    return sound(rows, model) + {by}
""",
    )


UNHEALTHY = Flaw(
    name="unhealthy",
    code="""
import os

def model_fn(model_dir):
    print("this version ends as it loads", flush=True)
    os._exit(1)
""",
)
"""Never answers a ping: its process ends while it loads the model."""
