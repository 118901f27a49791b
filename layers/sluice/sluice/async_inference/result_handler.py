"""Takes a batch of words on asynchronous inferences: entries are read together, decided on, written, and told of.

Each is written first, and then what follows is done. After a crash in between the word comes again, changes nothing,
and what follows is done again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sluice.async_inference.endpoint_models import Models, NotOursError
from sluice.async_inference.events import EventBatch, tell
from sluice.async_inference.inference import Entry
from sluice.async_inference.messages import Message, Notice, TryAgain
from sluice.async_inference.retries import try_again
from sluice.async_inference.transitions import first_heard, follow_up, heard, seconds_to_retry, with_details
from sluice.aws.concurrency import call_each
from sluice.errors import RETRYABLE_ERRORS

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

log = logging.getLogger(__name__)

_ROUNDS = 3
"""How often entries are decided on anew that others change at the same time."""

MessageIds = set[str]


@dataclass(frozen=True, slots=True)
class Change:
    """An entry before and after words on it, each of which a message brought."""

    before: Entry | None
    after: Entry
    words: Sequence[tuple[str, Notice]]

    @property
    def is_new(self) -> bool:
        return self.after != self.before

    @property
    def has_new_result(self) -> bool:
        known = self.before.result if self.before else None
        return self.after.result is not None and self.after.result != known

    @property
    def messages(self) -> MessageIds:
        return {message for message, _ in self.words}


def take(messages: Mapping[str, Message], ports: AsyncInferencePorts) -> MessageIds:
    """Deal with messages by their ids; those that could not be dealt with now, which are to come again."""
    models = Models(ports)
    notices = [(message, each) for message, each in messages.items() if isinstance(each, Notice)]
    tries = [(message, each) for message, each in messages.items() if isinstance(each, TryAgain)]
    return _take_notices(notices, models, ports) | _take_tries(tries, models, ports)


def _take_notices(notices: Sequence[tuple[str, Notice]], models: Models, ports: AsyncInferencePorts) -> MessageIds:
    words: dict[str, list[tuple[str, Notice]]] = defaultdict(list)
    for message, notice in notices:
        words[notice.id].append((message, notice))
    failed: MessageIds = set()
    for _ in range(_ROUNDS):
        if not words:
            return failed
        changes, undecided = _decide(words, models, ports)
        saved, unsaved, conflicts = _save(changes, models, ports)
        failed |= undecided | unsaved | _follow_up(saved, ports)
        words = {each: words[each] for each in conflicts}
    log.warning("others go on changing %s", sorted(words))
    return failed | {message for each in words.values() for message, _ in each}


def _decide(
    words: Mapping[str, Sequence[tuple[str, Notice]]], models: Models, ports: AsyncInferencePorts
) -> tuple[list[Change], MessageIds]:
    """What the words make of the entries, and the messages for which that is not known."""
    entries = ports.results.get_all(words)
    changes: list[Change] = []
    failed: MessageIds = set()
    for inference_id, told in words.items():
        before = entries.get(inference_id)
        try:
            changes.append(Change(before, _fold(before, [notice for _, notice in told], models), told))
        except (*RETRYABLE_ERRORS, NotOursError):
            log.exception("the words on %s go back to the queue", inference_id)
            failed |= {message for message, _ in told}
    return changes, failed


def _fold(entry: Entry | None, notices: Iterable[Notice], models: Models) -> Entry:
    for notice in notices:
        now = entry or first_heard(notice, models.of(notice.endpoint))
        entry = heard(now, notice, models.serving(now.model))
    assert entry is not None
    return entry


def _save(
    changes: Sequence[Change], models: Models, ports: AsyncInferencePorts
) -> tuple[list[Change], MessageIds, list[str]]:
    """Write what has changed. Those written or unchanged; messages of those not written; ids to be decided on anew."""
    same = [each for each in changes if not each.is_new]
    ready, failed = _with_details([each for each in changes if each.is_new and each.after.result], models, ports)
    ports.results.save_ready(each.after for each in ready)
    others = [each for each in changes if each.is_new and not each.after.result]
    outcomes = call_each(lambda each: ports.results.save(each.after), others)
    conflicts: list[str] = []
    for each, outcome in zip(others, outcomes, strict=True):
        if isinstance(outcome, Exception):
            log.error("%s could not be written", each.after.id, exc_info=outcome)
            failed |= each.messages
        elif outcome:
            same.append(each)
        else:
            conflicts.append(each.after.id)
    return same + ready, failed, conflicts


def _with_details(
    changes: Sequence[Change], models: Models, ports: AsyncInferencePorts
) -> tuple[list[Change], MessageIds]:
    """The same with the size of new results and the version that serves; messages of those that cannot be looked at."""
    detailed = [each for each in changes if not each.has_new_result]
    new = [each for each in changes if each.has_new_result]
    sizes = call_each(lambda each: ports.bucket.look(each.after.output), new)
    failed: MessageIds = set()
    for each, found in zip(new, sizes, strict=True):
        try:
            if isinstance(found, Exception):
                raise found
            after = with_details(each.after, found.size if found else None, models.version(each.after.endpoint))
        except RETRYABLE_ERRORS:
            log.exception("the result of %s cannot be looked at", each.after.id)
            failed |= each.messages
            continue
        detailed.append(replace(each, after=after))
    return detailed, failed


def _follow_up(changes: Iterable[Change], ports: AsyncInferencePorts) -> MessageIds:
    """Tell of what is over and book what is to be tried again; messages of those for which that failed."""
    events, told = EventBatch(), list[MessageIds]()
    retries: list[tuple[str, float]] = []
    booked: list[MessageIds] = []
    for change in changes:
        entry = change.after
        wanted = {follow_up(entry, notice) for _, notice in change.words}
        if "tell_ready" in wanted or "tell_parked" in wanted:
            tell(entry, events)
            told.append(change.messages)
        elif "try_again" in wanted:
            body = TryAgain(entry.id, entry.failed_attempts + 1).body()
            retries.append((body, seconds_to_retry(entry, ports.now())))
            booked.append(change.messages)
    failed: MessageIds = set()
    for position, reason in events.put(ports.events).items():
        log.error("an event was not accepted: %s", reason)
        failed |= told[position]
    for position in ports.async_queue.send(retries) if retries else ():
        failed |= booked[position]
    return failed


def _take_tries(tries: Sequence[tuple[str, TryAgain]], models: Models, ports: AsyncInferencePorts) -> MessageIds:
    if not tries:
        return set()
    entries = ports.results.get_all(asked.id for _, asked in tries)
    once = dict.fromkeys(asked for _, asked in tries if asked.id in entries)

    def attempt(asked: TryAgain) -> None:
        entry = entries[asked.id]
        try_again(asked, models.serving(entry.model), entry, ports)

    outcomes = dict(zip(once, call_each(attempt, list(once)), strict=True))
    failed = {asked for asked, outcome in outcomes.items() if isinstance(outcome, Exception)}
    for asked in failed:
        log.error("%s could not be tried again", asked.id, exc_info=outcomes[asked])
    return {message for message, asked in tries if asked in failed}
