"""Sequences, made short: what found each safeguard missing, what was mended, and what is known and not mended yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.scenario import Call, Incident, Scenario

V2 = Incident(0, "approve", version=2)
RUN_ENDS = "event:SageMaker Model Building Pipeline Execution Status Change"

SEQUENCES: Mapping[str, Scenario] = {
    "the fence is not read again after a shift": Scenario(
        incidents=(Incident(Call("shift_traffic", 1, "set_weights"), "abort", version=2), V2),
    ),
    "anybody gets the lock": Scenario(
        strategy="shadow",
        incidents=(
            Incident(Call("plan_rollout", 1, "query"), "approve", version=3),
            Incident(Call("plan_rollout", 1, "query"), "stalled", seconds=3),
            V2,
        ),
    ),
    "a config that somebody put is taken for the baseline's": Scenario(
        strategy="ab_test",
        incidents=(Incident(Call("plan_rollout", 2, "set"), "config by hand", version=3), V2),
    ),
    "a way back replaces whatever config it finds": Scenario(
        incidents=(V2, Incident(240, "config by hand")),
    ),
    "an inference is saved whatever has become of it": Scenario(
        family="async",
        strategy="all_at_once",
        endpoint="async",
        incidents=(
            Incident(Call("handle_async_result", 5, "replace"), "stalled", seconds=50),
            Incident(420, "infer", version=4),
        ),
    ),
    "the approval is not asked for at the promotion": Scenario(
        strategy="linear",
        incidents=(Incident(Call("promote_candidate", 6), "reject", "unheard", version=2), V2),
    ),
    "a rollout that was fenced is closed as promoted": Scenario(
        strategy="all_at_once",
        incidents=(Incident(Call("promote_candidate", 1, "set_once"), "abort", version=2), V2),
    ),
    "an event that comes again is another approval": Scenario(
        strategy="blue_green",
        incidents=(Incident(Call("promote_candidate", 1, "annotate"), "replay decision", version=2), V2),
    ),
}
"""What finds each safeguard missing, by the name of its mutation."""

MENDED: Mapping[str, Scenario] = {
    "a doubt in the watch that only a person ends": Scenario(
        strategy="linear",
        watch=120,
        on_doubt="pause",
        incidents=(Incident(1260, "approve", version=3), Incident(1980, "delete alarm", version=2)),
    ),
    "a rejection that nobody hears of while the last sweep is at work": Scenario(
        strategy="all_at_once",
        endpoint="serverless",
        pace=3.0,
        incidents=(Incident(Call("sweep", 64), "reject", "unheard", version=2), V2),
    ),
    "a way back without capacity, which comes a quarter of an hour later": Scenario(
        strategy="all_at_once",
        incidents=(V2, Incident(800, "shortage", seconds=900), Incident(810, "reject", version=2)),
    ),
    "a lock that is taken after another execution has closed its rollout": Scenario(
        strategy="blue_green",
        endpoint="async",
        incidents=(
            Incident(Call("plan_rollout", 3, "set"), "stop execution", version=3),
            Incident(Call("plan_rollout", 3, "set"), "stalled", seconds=50),
            V2,
            Incident(120, "approve", version=3),
        ),
    ),
    "an approval between the last reading of a rollback and its rejection": Scenario(
        strategy="shadow",
        broken=frozenset({3}),
        incidents=(Incident(Call("roll_back", 1, "reject"), "approve", version=3), Incident(60, "approve", version=3)),
    ),
    "EventBridge throttles while a batch run is skipped": Scenario(
        family="batch",
        strategy="all_at_once",
        endpoint="batch",
        incidents=(
            Incident(6.6, "throttling", "events", seconds=900),
            Incident(54.4, "request batch", version=4),
        ),
    ),
    "EventBridge refuses right after a batch run was requested that is skipped": Scenario(
        family="batch",
        strategy="all_at_once",
        endpoint="batch",
        incidents=(
            Incident(19.2, "request batch", version=4),
            Incident(19.8, "refusal", "events", seconds=900),
        ),
    ),
    "the table is out when the end of a run is told, and the sweep's event is lost": Scenario(
        family="uploads",
        strategy="all_at_once",
        incidents=(
            Incident(Call(RUN_ENDS, 3), "event lost"),
            Incident(16.7, "upload", version=3),
            Incident(60, "upload", version=1),
            Incident(660, "upload", version=3),
            Incident(780, "out", "dynamodb", seconds=900),
        ),
    ),
    "an older attempt is stored as accepted only after the next one, whose notification is lost": Scenario(
        family="async",
        strategy="all_at_once",
        endpoint="async",
        incidents=(
            Incident(Call("event:notification", 6), "event lost"),
            Incident(Call("handle_async_result", 3, "replace"), "stalled", seconds=20),
            Incident(785.9, "infer", version=4),
        ),
    ),
    **{
        f"a config is put by hand while a function stands still before its update: {point}": Scenario(
            pace=0.1,
            incidents=(Incident(point, "config by hand"), Incident(point, "stalled", seconds=50), V2),
        )
        for point in (Call("provision_candidate", 1, "create_config"), Call("promote_candidate", 1, "deregister"))
    },
    "a config is put by hand while a way back stands still before its update": Scenario(
        pace=0.1,
        incidents=(
            V2,
            Incident(400, "abort"),
            Incident(Call("roll_back", 1, "deregister"), "config by hand"),
            Incident(Call("roll_back", 1, "deregister"), "stalled", seconds=50),
        ),
    ),
    "another execution ends the way back while this one stands still before its update": Scenario(
        scaled=True,
        pace=0.1,
        incidents=(V2, Incident(400, "abort"), Incident(Call("roll_back", 1, "deregister"), "stalled", seconds=50)),
    ),
    "the record of an approval is kept only when the next one waits at its gate": Scenario(
        strategy="all_at_once",
        policy="queue",
        gate=True,
        incidents=(
            Incident(Call("open_rollout", 1, "put_new"), "approve", version=3),
            Incident(Call("open_rollout", 1, "put_new"), "stalled", seconds=3),
            V2,
        ),
    ),
    "the table refuses after a promotion is closed and before it is announced": Scenario(
        strategy="blue_green",
        incidents=(Incident(Call("promote_candidate", 9), "refusal", "dynamodb", seconds=900), V2),
    ),
    "SageMaker maintains the endpoint for an hour, on a slow endpoint": Scenario(
        strategy="canary",
        pace=3.0,
        incidents=(V2, Incident(700, "maintenance", seconds=3600), Incident(760, "abort", version=2)),
    ),
    "a close that fails once its alarms are deleted": Scenario(
        watch=600,
        on_doubt="pause",
        incidents=(Incident(Call("promote_candidate", 1, "delete_alarms"), "lost answer"), V2),
    ),
    "a pause between two calls before SageMaker deploys": Scenario(
        strategy="blue_green", incidents=(Incident(Call("provision_candidate", 2), "pause", version=2), V2)
    ),
    "a pause between two calls before a serverless fleet is replaced": Scenario(
        strategy="all_at_once",
        endpoint="serverless",
        incidents=(Incident(Call("provision_candidate", 2), "pause", version=2), V2),
    ),
    "a pause while the request for a new fleet stalls": Scenario(
        strategy="all_at_once",
        incidents=(
            Incident(Call("provision_candidate", 1, "update_endpoint"), "pause", version=2),
            Incident(Call("provision_candidate", 1, "update_endpoint"), "stalled", seconds=20),
            V2,
        ),
    ),
    "a pause after SageMaker took a request that was sent twice": Scenario(
        strategy="all_at_once",
        incidents=(
            Incident(Call("provision_candidate", 1, "update_endpoint"), "repeated call"),
            Incident(Call("provision_candidate", 14), "pause", version=2),
            V2,
        ),
    ),
    "a pause with the last call before a batch version is promoted": Scenario(
        strategy="all_at_once",
        endpoint="batch",
        incidents=(Incident(Call("provision_candidate", 7), "pause", version=2), V2),
    ),
    "a pause in the last analysis": Scenario(
        strategy="linear", incidents=(Incident(Call("analyze_stage", 95), "pause", version=2), V2)
    ),
    "a pause while the next stage begins": Scenario(
        strategy="linear", incidents=(Incident(Call("shift_traffic", 52), "pause", version=2), V2)
    ),
}
"""What broke a promise once, and breaks none any more."""


ON_ITS_WAY: Mapping[str, Scenario] = {
    "a config by hand is put and in service while one update is on its way": Scenario(
        pace=0.1,
        incidents=(
            Incident(Call("provision_candidate", 1, "update_endpoint"), "config by hand"),
            Incident(Call("provision_candidate", 1, "update_endpoint"), "stalled", seconds=50),
            V2,
        ),
    ),
    "the same on the way back, whose rollout is closed meanwhile": Scenario(
        pace=0.1,
        incidents=(
            V2,
            Incident(400, "abort"),
            Incident(Call("roll_back", 1, "update_endpoint"), "config by hand"),
            Incident(Call("roll_back", 1, "update_endpoint"), "stalled", seconds=50),
        ),
    ),
}
"""What nobody can prevent on AWS, and is no violation: UpdateEndpoint has no condition and cannot be called back."""


@dataclass(frozen=True, slots=True)
class Known:
    """A promise that is broken, the shortest scenario that breaks it, and why that is."""

    rule: str
    scenario: Scenario
    why: str


KNOWN: tuple[Known, ...] = ()
"""The sample passes over their rules, and each is looked for."""
