"""The facts, in groups that share what they need and a bill."""

from __future__ import annotations

from conformance.fact import Group
from conformance.facts.asynchronous import ASYNCHRONOUS
from conformance.facts.free import FREE
from conformance.facts.real_time import REAL_TIME
from conformance.facts.serverless import SERVERLESS
from conformance.facts.transform import TRANSFORM

GROUPS: tuple[Group, ...] = (FREE, REAL_TIME, SERVERLESS, ASYNCHRONOUS, TRANSFORM)

__all__ = ["GROUPS"]
