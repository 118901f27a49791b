"""Speeds up the import of two of moto's backends, which otherwise load all of EC2."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def spare_ec2() -> None:
    """Make ``moto.batch`` and ``moto.ec2`` packages that hold their modules and run none of their own code.

    Step Functions takes one enumeration from Batch, which imports EC2; SSM looks there for instances to send commands
    to, and finds none. Importing EC2 reads the description of every Region and takes more than a second.
    """
    _spare("moto.batch")
    if package := _spare("moto.ec2"):
        package.__dict__["ec2_backends"] = {}


def _spare(name: str) -> ModuleType | None:
    """The package, if it was not imported before."""
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None:
        return None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return sys.modules[name]
