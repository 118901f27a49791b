"""``sluice status``: what serves, what is being rolled out, what was trained."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime

from sluice.errors import ThrottledError
from sluice.rollout.model.record import RolloutRecord

from cli.failures import OK, REFUSED
from cli.rollouts.status_reading import StatusReader
from cli.rollouts.status_view import ModelStatus, as_json, show_all, show_one
from cli.session import CliSession, Commands, list_models, read_spec, read_stack

_SOONEST_SECONDS = 2.0
_LATEST_SECONDS = 10.0
_THROTTLED_SECONDS = 60.0
_SECONDS_A_MODEL = 1.0
"""An overview asks for each model once a second at most: some of SageMaker's calls are throttled beyond a few."""


def add_to(commands: Commands) -> None:
    command = commands.add_parser("status", help="show endpoints, rollouts, versions and runs")
    command.add_argument("model", nargs="?", help="default: an overview of all models")
    command.add_argument("--watch", action="store_true", help="keep showing until the rollout ends, or Ctrl-C")
    command.set_defaults(run=run)


def run(arguments: Namespace, session: CliSession) -> int:
    reader = StatusReader(session, read_stack(session))
    spec = read_spec(session, arguments.model) if arguments.model else None
    began, pace = session.now(), Pace()

    def draw() -> int | None:
        found = [reader.watched(spec)] if spec else [reader.line(name) for name in list_models(session)]
        if spec:
            show_one(session, found[0], is_watched=arguments.watch)
        else:
            show_all(session, found)
        session.out.result({"stage": session.names.stage, "models": [as_json(one, session) for one in found]})
        pace.note(found)
        return _ended(found[0].rollouts, began) if spec else None

    def draw_or_wait() -> int | None:
        try:
            return draw()
        except ThrottledError as error:
            pace.note_throttling()
            session.out.text(f"Note: {error}; asked again in {pace.seconds:.0f} s")
            return None

    if arguments.watch:
        return session.out.watch(draw_or_wait, lambda: session.sleep(pace.seconds))
    draw()
    return OK


class Pace:
    """How often a watch asks: soon after a change, and less and less often while nothing happens."""

    def __init__(self) -> None:
        self.seconds = _SOONEST_SECONDS
        self._last: Sequence[ModelStatus] = ()

    def note(self, found: Sequence[ModelStatus]) -> None:
        """What was seen this time."""
        least = max(_SOONEST_SECONDS, _SECONDS_A_MODEL * len(found))
        slower = min(self.seconds * 1.5, max(_LATEST_SECONDS, least))
        self.seconds = max(slower if found == self._last else _SOONEST_SECONDS, least)
        self._last = found

    def note_throttling(self) -> None:
        """AWS asks for fewer calls; it is not the end of the watch."""
        self.seconds = min(self.seconds * 2, _THROTTLED_SECONDS)


def _ended(rollouts: list[RolloutRecord], began: datetime) -> int | None:
    """The exit code once the newest rollout has ended while we watched; None until then."""
    newest = rollouts[0] if rollouts else None
    if newest is None or newest.closed_at is None or newest.closed_at < began:
        return None
    return OK if newest.outcome == "promoted" else REFUSED
