"""A/B test: both versions serve until the outcomes that clients report prove one better.

What came of each answer is simulated by the scene's client, with a rate of conversion for each version; how it is
sent, counted, compared and acted on is what users get.
"""

from __future__ import annotations

import json
import random
import threading

from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import Sent, Traffic, count
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

RATE = 20.0
SHARE = 30
CONVERSION = {"v1": 0.3, "v2": 0.9, "v3": 0.1}  # simulated
SEED = 5
ENTRIES = 10  # that one PutEvents takes
TEST = {
    "weight": SHARE,
    "min_duration": "20s",
    "max_duration": "120s",
    "metric": "conversion",
    "better": "higher",
    "final_bake": "10s",
}


class Customers:
    """Tells, once a second, what came of the requests that the traffic got an answer to."""

    def __init__(self, context: SceneContext, traffic: Traffic) -> None:
        self._context = context
        self._traffic = traffic
        self._random = random.Random(SEED)  # noqa: S311 - simulated customers, no secrets
        self._reported = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Customers:
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    @property
    def reported(self) -> int:
        return self._reported

    def _work(self) -> None:
        events = self._context.client("events")
        while not self._stopping.wait(1):
            new = [each for each in self._traffic.sent()[self._reported :]]
            entries = [self._entry(self._reported + index, each) for index, each in enumerate(new) if not each.failed]
            for start in range(0, len(entries), ENTRIES):
                events.put_events(Entries=entries[start : start + ENTRIES])
            self._reported += len(new)

    def _entry(self, number: int, answered: Sent) -> dict[str, str]:
        converted = self._random.random() < CONVERSION[answered.variant]
        detail = {
            "model": self._context.model,
            "inference_id": f"customer-{number}",
            "variant": answered.variant,
            "metric": "conversion",
            "value": int(converted),
        }
        return {"Source": "scene.shop", "DetailType": "InferenceOutcome", "Detail": json.dumps(detail)}


def play(context: SceneContext) -> None:
    context.apply(rollout={"strategy": "ab_test", "ab_test": TEST})
    version = context.release()
    context.outcome_of(version)
    traffic = context.start_traffic(rate=RATE)
    with Customers(context, traffic) as customers:
        better = context.release()
        _report_by_hand(context, better)
        ended = context.outcome_of(better)
        _check_end(context, "version that converts more", better, ended, kind="RolloutPromoted")
        context.check(
            "way up",
            f"{SHARE} % while tested, then 50 %",
            f"{context.weights(better)} %",
            right=context.weights(better) == [SHARE, 50],
        )
        worse = context.release()
        ended = context.outcome_of(worse)
        _check_end(context, "version that converts less", worse, ended, kind="RolloutRolledBack")
        reason = str(context.package(worse).get("ApprovalDescription", ""))
        context.check("registry", "lost the A/B test, with the numbers", reason, right="lost the A/B test" in reason)
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    context.check("client all the while", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    context.check(
        "customers", "told of each answer", f"{customers.reported} of {sent}", right=0 < customers.reported <= sent
    )


def _report_by_hand(context: SceneContext, version: int) -> None:
    """As a person does, twice: it counts once."""
    context.wait_for("the test to begin", lambda event: event.kind == "RolloutShifted" and _is_of(event, version))
    with context.step("sluice outcome, twice"):
        for _ in range(2):
            context.sluice(
                "outcome", context.model, "--inference-id", "by-hand", "--value", "1", "--version", str(version)
            )


def _is_of(event: Event, version: int) -> bool:
    return bool(event.detail.get("version") == version)


def _check_end(context: SceneContext, what: str, version: int, ended: Event, *, kind: str) -> None:
    """What ended, and that ``sluice status`` shows why."""
    serving = version if kind == "RolloutPromoted" else version - 1
    context.check(
        what,
        f"{kind}, v{serving} serves",
        f"{ended.kind}, endpoint serves {context.shares()}: {ended.detail.get('reason', '')[:200]}",
        right=ended.kind == kind and list(context.shares()) == [f"v{serving}"],
    )
    shown = context.sluice("history", context.model)
    context.check("comparison", "told at each look", shown[-400:], right="A/B test" in shown and "difference" in shown)


SCENE = Scene(name="ab-test", about="both serve, clients tell what came of it; the better one wins", play=play)
