"""When samples become visible, and into which period they count."""

from __future__ import annotations

from localaws.services.cloudwatch.metrics.distribution import Distribution
from localaws.services.cloudwatch.metrics.store import KEEP_SECONDS, Metric, Store

LATENCY = Metric.of("AWS/SageMaker", "ModelLatency", {"VariantName": "v2", "EndpointName": "spend"})
NOON = 1_795_348_800  # a multiple of a day


def sums(store: Store, now: float, period: int = 10, start: int = NOON, end: int = NOON + 120) -> dict[int, float]:
    points = store.points(LATENCY, start=start, end=end, period=period, now=now)
    return {point.start - NOON: point.samples.total for point in points}


def customers_sample(value: float) -> Distribution:
    samples = Distribution()
    samples.add(value)
    return samples


def test_the_order_of_dimensions_does_not_matter() -> None:
    assert Metric.of("N", "m", {"a": "1", "b": "2"}) == Metric.of("N", "m", {"b": "2", "a": "1"})


def test_a_sample_published_every_10_seconds_is_visible_once_its_10_seconds_have_closed() -> None:
    store = Store()
    store.record(LATENCY, 5.0, at=NOON + 9.99, publish_every_seconds=10)

    assert sums(store, now=NOON + 9.999) == {}
    assert sums(store, now=NOON + 10) == {0: 5.0}


def test_a_sample_published_by_the_minute_waits_for_the_minute_even_in_a_short_period() -> None:
    store = Store()
    store.record(LATENCY, 5.0, at=NOON + 3)

    assert sums(store, now=NOON + 59.9) == {}
    assert sums(store, now=NOON + 60) == {0: 5.0}


def test_short_publishing_keeps_seconds_apart_and_minutes_together() -> None:
    store = Store()
    for second in (1, 11, 12, 59):
        store.record(LATENCY, 1.0, at=NOON + second, publish_every_seconds=10)

    assert sums(store, now=NOON + 60) == {0: 1.0, 10: 2.0, 50: 1.0}
    assert sums(store, now=NOON + 60, period=60) == {0: 4.0}


def test_a_sample_on_a_boundary_belongs_to_the_period_it_opens() -> None:
    store = Store()
    store.record(LATENCY, 1.0, at=NOON + 10, publish_every_seconds=10)

    assert sums(store, now=NOON + 20) == {10: 1.0}


def test_periods_count_from_the_start_that_was_asked_for() -> None:
    store = Store()
    store.record(LATENCY, 1.0, at=NOON + 65)

    assert sums(store, now=NOON + 300, period=120, start=NOON - 60) == {60: 1.0}


def test_what_customers_put_is_visible_at_once_and_tells_when() -> None:
    store = Store()
    store.put(LATENCY, customers_sample(2.0), at=NOON, now=NOON + 33, unit="None", resolution=60)

    (point,) = store.points(LATENCY, start=NOON, end=NOON + 60, period=60, now=NOON + 33)
    assert (point.samples.total, point.published) == (2.0, NOON + 33)
    assert sums(store, now=NOON + 32) == {}


def test_units_are_kept_apart_only_when_one_is_asked_for() -> None:
    store = Store()
    store.record(LATENCY, 1.0, at=NOON, unit="Microseconds")
    store.record(LATENCY, 2.0, at=NOON, unit="None")

    asked = store.points(LATENCY, start=NOON, end=NOON + 60, period=60, now=NOON + 60, unit="Microseconds")
    assert [point.samples.total for point in asked] == [1.0]
    assert sums(store, now=NOON + 60) == {0: 3.0}


def test_old_data_is_folded_into_minutes_then_five_then_hours_and_dropped_in_the_end() -> None:
    store = Store()
    for second in range(0, 120, 5):
        store.record(LATENCY, 1.0, at=NOON + second, publish_every_seconds=10)

    for hours, folded in ((4, {0: 12.0, 60: 12.0}), (16 * 24, {0: 24.0}), (64 * 24, {0: 24.0})):
        store.forget(NOON + hours * 3600)
        assert sums(store, now=NOON + hours * 3600) == folded

    store.forget(NOON + KEEP_SECONDS + 3600)
    assert sums(store, now=NOON + KEEP_SECONDS) == {}
    assert store.metrics(active_since=0, accept=lambda _metric: True) == []
