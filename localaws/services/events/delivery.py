"""Delivers matched events in the background, at least once: retries, dead-letter queues, a ledger of deliveries."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.runtime.delay_queue import DelayQueue
from localaws.services.events.envelope import Event
from localaws.services.events.retry import DeliveryRetryPolicy, Failure, GiveUpDelivery, Redeliver, after_failure
from localaws.services.events.rules import Rule, Target
from localaws.services.events.targets import NotDelivered, Targets
from localaws.services.events.transform import target_input

log = logging.getLogger(__name__)

_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one event fared with one target. ``error`` is the last failure's code, None once delivered."""

    event_id: str
    detail_type: str
    rule: str
    target: str  # ARN
    matched_at: datetime
    delivered_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    dead_lettered: bool = False


@dataclass(frozen=True, slots=True)
class _Parcel:
    event: Event
    rule: Rule
    target: Target
    number: int  # place in the ledger


class Deliverer:
    """Takes matched events and sees each through to its target, its dead-letter queue, or a logged loss.

    ``time_scale`` stretches waits and shrinks ages: with 0.01 a backoff of a minute takes 0.6 s, and an event
    is an hour old after 36 s.
    """

    def __init__(self, context: Context, *, time_scale: float) -> None:
        self._context = context
        self._time_scale = time_scale
        self._targets = Targets(context)
        self._queue = DelayQueue(context, "eventbridge-delivery", _WORKERS)
        self._jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._ledger: list[Delivery] = []
        self._lock = threading.Lock()

    def start(self) -> None:
        self._queue.start()

    def stop(self) -> None:
        self._queue.stop()

    def deliveries(self) -> Sequence[Delivery]:
        """Every delivery so far, in the order of matching."""
        with self._lock:
            return tuple(self._ledger)

    def dispatch(self, event: Event, rule: Rule) -> None:
        """Queue ``event`` for every target of ``rule``; returns at once."""
        matched_at = self._context.now()
        self._count("TriggeredRules", rule)
        for target in rule.targets:
            delivery = Delivery(
                event_id=event["id"],
                detail_type=event["detail-type"],
                rule=rule.name,
                target=target["Arn"],
                matched_at=matched_at,
            )
            with self._lock:
                number = len(self._ledger)
                self._ledger.append(delivery)
            self._schedule(_Parcel(event, rule, target, number), 0.0)

    def _schedule(self, parcel: _Parcel, delay_seconds: float) -> None:
        self._queue.add(lambda: self._attempt(parcel), delay_seconds=delay_seconds)

    def _attempt(self, parcel: _Parcel) -> None:
        delivery = self._ledger[parcel.number]
        attempted = replace(delivery, attempts=delivery.attempts + 1)
        self._count("Invocations", parcel.rule)
        ingested_at = delivery.matched_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        text = target_input(parcel.target, parcel.event, rule_arn=parcel.rule.arn, ingested_at=ingested_at)
        try:
            self._targets.send(parcel.target, text=text, rule_arn=parcel.rule.arn, event_id=delivery.event_id)
        except NotDelivered as error:
            self._after_failure(parcel, attempted, error.failure)
        else:
            self._note(parcel, replace(attempted, delivered_at=self._context.now(), error=None))

    def _after_failure(self, parcel: _Parcel, delivery: Delivery, failure: Failure) -> None:
        self._note(parcel, replace(delivery, error=failure.code))
        decision = after_failure(
            failure,
            DeliveryRetryPolicy.of_target(parcel.target),
            retries=delivery.attempts - 1,
            age_seconds=(self._context.now() - delivery.matched_at).total_seconds() / self._time_scale,
            jitter=self._jitter.random(),
        )
        if isinstance(decision, Redeliver):
            self._schedule(parcel, decision.delay_seconds * self._time_scale)
        else:
            self._count("FailedInvocations", parcel.rule)
            self._dead_letter(parcel, replace(delivery, error=failure.code), failure, decision)

    def _dead_letter(self, parcel: _Parcel, delivery: Delivery, failure: Failure, end: GiveUpDelivery) -> None:
        queue_arn = parcel.target.get("DeadLetterConfig", {}).get("Arn")
        if queue_arn is None:
            log.warning("Event %s lost: %s -> %s: %s", delivery.event_id, delivery.rule, delivery.target, failure)
            return
        attributes = {
            "RULE_ARN": parcel.rule.arn,
            "TARGET_ARN": delivery.target,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(delivery.attempts - 1),
        }
        if end.exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = end.exhausted
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        body = json.dumps(parcel.event)
        try:
            self._targets.send_to_queue(queue_arn, parcel.rule.arn, MessageBody=body, MessageAttributes=typed)
        except (NotDelivered, ClientError, BotoCoreError) as error:
            log.warning("Event %s lost: its dead-letter queue refused it: %s", delivery.event_id, error)
            self._count("InvocationsFailedToBeSentToDlq", parcel.rule)
        else:
            self._count("InvocationsSentToDlq", parcel.rule)
            self._note(parcel, replace(delivery, dead_lettered=True))

    def _note(self, parcel: _Parcel, delivery: Delivery) -> None:
        with self._lock:
            self._ledger[parcel.number] = delivery

    def _count(self, metric: str, rule: Rule) -> None:
        self._context.metrics.record("AWS/Events", metric, {"RuleName": rule.name}, 1, unit="Count")
