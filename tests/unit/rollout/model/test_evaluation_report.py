"""The metrics of a version are those of its evaluation report, as far as it can be read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sluice.errors import AwsRefusedError
from sluice.rollout.model.evaluation_report import (
    MAX_METRICS,
    MAX_REPORT_BYTES,
    gate_verdict,
    metric_values,
    metrics_at,
    metrics_of,
)
from sluice.rollout.model.live_version import live_package

from tests.fakes.sluice_world import sluice_world


def test_metrics_are_read_from_the_evaluation_report() -> None:
    world = sluice_world()
    world.live(6)
    package = live_package("fraud", world.ports)
    assert package is not None
    assert metrics_of(package, world.ports.bucket) == {}
    package = replace(package, metrics_uri=world.ports.bucket.uri("e.json"))
    assert metrics_of(package, world.ports.bucket) == {}
    report = {"regression_metrics": {"mse": {"value": 4.2, "standard_deviation": 0.1}, "rows": {"value": True}}}
    world.bucket.objects["e.json"] = json.dumps(report).encode()
    assert metrics_of(package, world.ports.bucket) == {"mse": 4.2}
    world.bucket.objects["e.json"] = b"{"
    assert metrics_of(package, world.ports.bucket) == {}


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"mse": {"value": ' + b"9" * 310 + b"}}",
        b'{"mse": {"value": 1}, "x": "' + b"x" * (5 << 20) + b'"}',
        b'{"\\ud800": {"value": 1}}',
    ],
)
def test_a_report_that_no_job_should_write_is_none_and_is_not_read_to_its_end(content: bytes) -> None:
    read: list[int | None] = []

    class Bucket:
        def read(self, uri: str, most_bytes: int | None = None) -> bytes:
            assert uri == "s3://sluice-dev-data/e.json"
            read.append(most_bytes)
            return content[:most_bytes]

    assert metrics_at("s3://sluice-dev-data/e.json", Bucket()) == {}
    assert read == [MAX_REPORT_BYTES + 1]


def test_unknown_categories_are_a_metric_and_their_list_is_none() -> None:
    """So that ``sluice runs show`` and the request for approval have them."""
    report = {
        "data_quality_metrics": {"unknown_category_share": {"value": 0.25}},
        "unknown_categories": [{"column": "value", "rows": 5, "examples": ["x"]}],
    }
    assert dict(metric_values(report)) == {"unknown_category_share": 0.25}


def test_a_metric_that_is_no_number_is_none() -> None:
    report = json.loads('{"m": {"auc": {"value": NaN}, "mse": {"value": Infinity}, "mae": {"value": 2}}}')
    assert dict(metric_values(report)) == {"mae": 2.0}


@pytest.mark.parametrize("code", ["AccessDenied", "403"])
def test_a_report_where_sluice_may_not_read_is_none(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever registers a version names it: the version would never be announced, nor its model trained beside it."""
    world = sluice_world()
    world.live(6)
    package = live_package("fraud", world.ports)
    assert package is not None

    def read(_uri: str, _most_bytes: int | None = None) -> bytes:
        raise AwsRefusedError("x", code=code, message="x", operation="GetObject", response={})

    monkeypatch.setattr(world.bucket, "read", read)
    assert metrics_of(replace(package, metrics_uri="s3://elsewhere/e.json"), world.ports.bucket) == {}


def test_of_a_report_with_more_than_any_report_has_only_so_much_is_kept_as_fits_into_an_item_and_an_event() -> None:
    report = {
        "a": {f"{number:04d}" + "x" * 5_000: {"value": number} for number in range(500)},
        "gate": {"verdict": "y" * 100_000},
    }
    kept = dict(metric_values(report))
    assert len(kept) == MAX_METRICS
    assert next(iter(kept)).startswith("0000x")
    assert len(json.dumps(kept)) < 50_000
    assert len(gate_verdict(report)) == 1_000
