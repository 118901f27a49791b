"""Handles a batch of messages on asynchronous inferences: reads the inferences together, decides, writes, announces.

Each inference is written before its follow-up is done. After a crash in between the message is redelivered, changes
nothing, and the follow-up is done again: at least once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from sluice.async_inference.endpoint_models import EndpointModels, ForeignEndpointError
from sluice.async_inference.events import EventBatch, announce
from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.messages import Message, Notification, RetryMessage
from sluice.async_inference.retries import submit_if_due
from sluice.async_inference.transitions import (
    add_result_details,
    apply_notification,
    follow_up,
    new_from_notification,
    seconds_until_retry,
)
from sluice.aws.concurrency import call_each
from sluice.errors import RETRYABLE_ERRORS

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts
    from sluice.telemetry.port import Metric

Answered = TypeVar("Answered")

_ROUNDS = 3
"""How often a notification is applied again after a concurrent change of its inference."""

MessageIds = set[str]
Received = Sequence[tuple[str, Notification]]
"""Notifications on one inference, each with the id of the message that brought it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """An inference before and after the notifications on it."""

    before: AsyncInference | None
    after: AsyncInference
    received: Received

    @property
    def is_change(self) -> bool:
        return self.after != self.before

    @property
    def has_new_result(self) -> bool:
        known = self.before.result if self.before else None
        return self.after.result is not None and self.after.result != known

    @property
    def has_new_status(self) -> bool:
        return self.before is None or self.after.status != self.before.status

    @property
    def messages(self) -> MessageIds:
        return {message for message, _ in self.received}


def handle_messages(messages: Mapping[str, Message | None], ports: AsyncInferencePorts) -> MessageIds:
    """Handle messages by their ids; returns the ids of those that failed and have to be redelivered.

    Handling them together keeps the calls of AWS per record low: inferences are read 100 at a time, results written 25
    at a time, events and retries sent ten at a time.
    """
    models = EndpointModels(ports)
    notifications = [(message, each) for message, each in messages.items() if isinstance(each, Notification)]
    retries = [(message, each) for message, each in messages.items() if isinstance(each, RetryMessage)]
    return _handle_notifications(notifications, models, ports) | _handle_retries(retries, models, ports)


def _handle_notifications(notifications: Received, models: EndpointModels, ports: AsyncInferencePorts) -> MessageIds:
    pending: dict[str, list[tuple[str, Notification]]] = defaultdict(list)
    for message, notification in notifications:
        pending[notification.id].append((message, notification))
    failed: MessageIds = set()
    for _ in range(_ROUNDS):
        if not pending:
            return failed
        transitions, undecided = _decide(pending, models, ports)
        persisted, unsaved, conflicts = _persist(transitions, models, ports)
        failed |= undecided | unsaved | _follow_up(persisted, ports)
        pending = {each: pending[each] for each in conflicts}
    if pending:
        ports.telemetry.error("inferences keep changing concurrently", inferences=sorted(pending))
    return failed | {message for each in pending.values() for message, _ in each}


def _decide(
    received: Mapping[str, Received], models: EndpointModels, ports: AsyncInferencePorts
) -> tuple[list[Transition], MessageIds]:
    """Returns (what the notifications make of each inference, ids of messages for which that is not known)."""
    inferences = ports.results.get_all(received)
    transitions: list[Transition] = []
    failed: MessageIds = set()
    for inference_id, all_received in received.items():
        before = inferences.get(inference_id)
        # Callers choose ids, and may choose one of another endpoint's: its inference is not theirs to end.
        owner = before.endpoint if before else all_received[0][1].endpoint
        each = [(message, notification) for message, notification in all_received if notification.endpoint == owner]
        if foreign := {message for message, _ in all_received} - {message for message, _ in each}:
            ports.telemetry.error("the id is one of another endpoint's inference", inference=inference_id)
            failed |= foreign
        if not each:
            continue
        try:
            after = _apply_all(before, [notification for _, notification in each], models)
        except (*RETRYABLE_ERRORS, ForeignEndpointError) as error:
            ports.telemetry.error("notification not applied", inference=inference_id, error=type(error).__name__)
            failed |= {message for message, _ in each}
        else:
            transitions.append(Transition(before, after, each))
    return transitions, failed


def _apply_all(
    inference: AsyncInference | None, notifications: Iterable[Notification], models: EndpointModels
) -> AsyncInference:
    for notification in notifications:
        now = inference or new_from_notification(notification, models.model_of(notification.endpoint))
        inference = apply_notification(now, notification, models.serving_settings(now.model))
    assert inference is not None
    return inference


def _persist(
    transitions: Sequence[Transition], models: EndpointModels, ports: AsyncInferencePorts
) -> tuple[list[Transition], MessageIds, list[str]]:
    """Returns (persisted or unchanged, ids of messages to be redelivered, ids of inferences with a conflict)."""
    changed = [each for each in transitions if each.is_change]
    ready, failed = _add_details([each for each in changed if each.after.result], models, ports)
    ports.results.save_ready(each.after for each in ready)
    others = [each for each in changed if not each.after.result]
    outcomes = call_each(lambda each: ports.results.save(each.after), others)
    saved: list[Transition] = []
    conflicts: list[str] = []
    for each, outcome in zip(others, outcomes, strict=True):
        try:
            if _value(outcome):
                saved.append(each)
            else:
                conflicts.append(each.after.id)
        except RETRYABLE_ERRORS as error:
            ports.telemetry.error("inference not written", inference=each.after.id, error=type(error).__name__)
            failed |= each.messages
    # A redelivered notification changes no status: it is not counted again.
    parked = (each for each in saved if each.has_new_status and each.after.status == "parked")
    _count("AsyncResultReady", Counter(each.after.model for each in ready if each.has_new_status), ports)
    _count("AsyncInferenceParked", Counter(each.after.model for each in parked), ports)
    return [each for each in transitions if not each.is_change] + saved + ready, failed, conflicts


def _add_details(
    transitions: Sequence[Transition], models: EndpointModels, ports: AsyncInferencePorts
) -> tuple[list[Transition], MessageIds]:
    """Add the size of new results and the version in service; returns also the messages whose result was unreadable."""
    detailed = [each for each in transitions if not each.has_new_result]
    new = [each for each in transitions if each.has_new_result]
    objects = call_each(lambda each: ports.bucket.head(each.after.output), new)
    failed: MessageIds = set()
    for each, outcome in zip(new, objects, strict=True):
        try:
            found = _value(outcome)
            version = models.version_in_service(each.after.endpoint)
        except RETRYABLE_ERRORS as error:
            ports.telemetry.error("result not read", inference=each.after.id, error=type(error).__name__)
            failed |= each.messages
            continue
        detailed.append(replace(each, after=add_result_details(each.after, found.size if found else None, version)))
    return detailed, failed


def _follow_up(transitions: Iterable[Transition], ports: AsyncInferencePorts) -> MessageIds:
    """Announce what has ended and schedule retries; returns the ids of messages for which that failed."""
    events, announced = EventBatch(), list[MessageIds]()
    retries: list[tuple[str, float]] = []
    scheduled: list[MessageIds] = []
    for transition in transitions:
        inference = transition.after
        wanted = {follow_up(inference, notification) for _, notification in transition.received}
        if "announce_result" in wanted or "announce_parked" in wanted:
            announce(inference, events)
            announced.append(transition.messages)
        elif "retry" in wanted:
            body = RetryMessage(inference.id, inference.failed_attempts + 1).body()
            retries.append((body, seconds_until_retry(inference, ports.now())))
            scheduled.append(transition.messages)
    failed: MessageIds = set()
    for position, reason in events.put(ports.events).items():
        ports.telemetry.error("event not accepted", reason=reason)
        failed |= announced[position]
    for position in ports.async_queue.send(retries) if retries else ():
        failed |= scheduled[position]
    return failed


def _handle_retries(
    received: Sequence[tuple[str, RetryMessage]], models: EndpointModels, ports: AsyncInferencePorts
) -> MessageIds:
    if not received:
        return set()
    inferences = ports.results.get_all(retry.id for _, retry in received)
    once = list(dict.fromkeys(retry for _, retry in received if retry.id in inferences))

    def attempt(retry: RetryMessage) -> AsyncInference:
        inference = inferences[retry.id]
        return submit_if_due(retry, models.serving_settings(inference.model), inference, ports)

    failed: set[RetryMessage] = set()
    retried, parked = Counter[str](), Counter[str]()
    for retry, outcome in zip(once, call_each(attempt, once), strict=True):
        before = inferences[retry.id]
        try:
            after = _value(outcome)
        except RETRYABLE_ERRORS as error:
            ports.telemetry.error("retry not submitted", inference=retry.id, error=type(error).__name__)
            failed.add(retry)
            continue
        if after.status == "parked" != before.status:
            parked[before.model] += 1
        elif after.status == "submitted" != before.status and retry.attempt > 1:  # the first is no retry: it was lost
            retried[before.model] += 1
    _count("AsyncInferenceRetried", retried, ports)
    _count("AsyncInferenceParked", parked, ports)
    return {message for message, retry in received if retry in failed}


def _count(metric: Metric, inferences: Counter[str], ports: AsyncInferencePorts) -> None:
    """One data point a model, however many inferences it is about."""
    for model, count in inferences.items():
        ports.telemetry.measure(metric, count, model=model)


def _value(outcome: Answered | Exception) -> Answered:
    """What a call answered; raises what it was refused with."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
