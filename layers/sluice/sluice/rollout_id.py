"""The id of a rollout, which is part of the names of its execution and of all resources it creates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_ID = re.compile(r"(?P<model>[a-z][a-z0-9-]*)-(?P<version>\d+)-(?P<attempt>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutId:
    """``fraud-7-1``: the first attempt to roll out version 7 of fraud. Also the name of the execution."""

    model: str
    version: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.model}-{self.version}-{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None if ``text`` is not a rollout's id."""
        found = _ID.fullmatch(text)
        if found is None:
            return None
        return cls(model=found["model"], version=int(found["version"]), attempt=int(found["attempt"]))

    @classmethod
    def required(cls, text: str) -> Self:
        """The id in ``text``.

        Raises:
            ValueError: it is no id; the message names the form of one.
        """
        found = cls.parse(text)
        if found is None:
            raise ValueError(f"rollout_id: {text!r} is not <model>-<version>-<attempt>")
        return found

    @classmethod
    def within(cls, text: str) -> Self | None:
        """The id at the start of an execution's or a resource's name, e.g. of ``fraud-7-1-restore-2``."""
        found = re.match(r"(?P<id>[a-z][a-z0-9-]*?-\d+-\d+)(-[a-z]+(-\d+)?)?$", text)
        return cls.parse(found["id"]) if found else None
