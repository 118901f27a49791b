"""The sequence that found each safeguard missing, made short."""

from __future__ import annotations

from collections.abc import Mapping

from tests.chaos.scenario import Call, Incident, Scenario

V2 = Incident(0, "approve", version=2)

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
}
