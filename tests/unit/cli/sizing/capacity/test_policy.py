"""When target tracking adds and removes instances."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cli.sizing.capacity.policy import Scaler, TargetTracking


def counts(
    policy: TargetTracking, loads: Sequence[float | None], *, instances: int = 1, starting: int = 0
) -> list[int]:
    """The instances after each minute; ``loads`` are requests per minute, ``starting`` minutes each start takes."""
    scaler, found, busy = Scaler(policy), [], 0
    for minute, load in enumerate(loads, start=1):
        per_instance = None if load is None else load / instances
        wanted = scaler.decide(60.0 * minute, per_instance=per_instance, instances=instances, starting=minute <= busy)
        if wanted > instances:
            busy = minute + starting
        instances = wanted
        found.append(instances)
    return found


def test_out_after_three_minutes_above_the_target_to_what_the_load_needs() -> None:
    assert counts(TargetTracking(target=70), [350, 350, 350, 350]) == [1, 1, 5, 5]


@pytest.mark.parametrize("loads", [[350, 70, 350, 350], [350, None, 350, 350], [70] * 30])
def test_not_out_unless_all_three_minutes_were_above(loads: list[float | None]) -> None:
    assert set(counts(TargetTracking(target=70), loads)) == {1}


def test_in_after_fifteen_minutes_below_ninety_percent() -> None:
    found = counts(TargetTracking(target=100), [120.0] * 16, instances=4)
    assert found == [4] * 14 + [2, 2]


@pytest.mark.parametrize("odd", [380.0, None])
def test_not_in_unless_all_fifteen_minutes_were_below(odd: float | None) -> None:
    loads = [120.0] * 14 + [odd] + [120.0] * 14
    assert set(counts(TargetTracking(target=100), loads, instances=4)) == {4}


def test_between_ninety_and_a_hundred_percent_nothing_changes() -> None:
    assert set(counts(TargetTracking(target=100), [380.0] * 60, instances=4)) == {4}


def test_never_beyond_the_limits() -> None:
    policy = TargetTracking(target=10, min_instances=2, max_instances=6)
    assert max(counts(policy, [10_000.0] * 10, instances=2)) == 6
    assert counts(policy, [1.0] * 40, instances=6)[-1] == 2


def test_after_scaling_out_only_a_larger_step_does_not_wait_for_the_cooldown() -> None:
    policy = TargetTracking(target=100, scale_out_cooldown_seconds=600)
    rising = [200.0, 200.0, 200.0, 290.0, 290.0, 290.0]
    assert counts(policy, rising) == [1, 1, 2, 2, 2, 2]
    assert counts(policy, [*rising, 800.0, 800.0, 800.0])[-1] == 8
    assert counts(TargetTracking(target=100, scale_out_cooldown_seconds=0), rising)[-1] == 3


def test_scaling_in_waits_for_its_cooldown() -> None:
    loads = [120.0] * 15 + [50.0] * 15
    hasty = counts(TargetTracking(target=100, scale_in_cooldown_seconds=0), loads, instances=4)
    patient = counts(TargetTracking(target=100, scale_in_cooldown_seconds=600), loads, instances=4)
    assert hasty[15] == 1
    assert (patient[14], patient[15], patient[23], patient[24]) == (2, 2, 2, 1)


def test_while_instances_start_nothing_else_happens() -> None:
    loads = [200.0] * 3 + [900.0] * 9
    assert counts(TargetTracking(target=100), loads, starting=5) == [1, 1, 2, 2, 2, 2, 2, 2, 9, 9, 9, 9]


def test_a_load_that_fits_exactly_needs_no_further_instance() -> None:
    assert counts(TargetTracking(target=0.1), [0.1 * 3] * 3) == [1, 1, 3]
