"""Cells of a refused file stay in the bucket: events, mail, logs and the table do not quote them by default."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sluice.spec.model import ModelSpec

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world

CELL = b"age,risk\nsecret,1\n"
TITLE = b"secret,1\n30,1\n"
QUOTED_TITLE = b'"secret",risk\n30,1\n'


def refused(content: bytes, *, may_quote: bool) -> SluiceWorld:
    world = sluice_world()
    raw = SPEC.to_json()
    world.specs.specs["fraud"] = ModelSpec.parse({**raw, "data": {**raw["data"], "examples_in_reasons": may_quote}})
    world.bucket.objects["data/fraud/x.csv"] = content
    found = {"key": "data/fraud/x.csv", "size": 14, "version-id": "v1", "etag": "e", "sequencer": "0A"}
    body = json.dumps({"detail": {"bucket": {"name": "sluice-dev-data"}, "object": found}})
    assert start_pipeline({"Records": [{"messageId": "m", "body": body}]}, world.ports) == {"batchItemFailures": []}
    return world


def event(world: SluiceWorld) -> dict[str, Any]:
    (found,) = (detail for kind, detail in world.events.published if kind == "DataRejected")
    return found


@pytest.mark.parametrize("content", [CELL, TITLE, QUOTED_TITLE])
def test_by_default_no_text_of_the_file_leaves_the_bucket(content: bytes) -> None:
    world = refused(content, may_quote=False)
    status = world.ports.pending_inputs._table._items  # type: ignore[attr-defined]  # all that is kept
    for place in (world.events.published, status, world.telemetry.lines):
        assert "secret" not in str(place)
    assert "secret" in world.bucket.objects["quarantine/fraud/x.csv.reason.json"].decode()


def test_by_default_an_event_says_all_but_the_cell() -> None:
    found = event(refused(CELL, may_quote=False))
    assert found["reason"] == "type: column 'age': expected a number (row 2)"
    (breach,) = found["breaches"]
    assert (breach["rows"], breach["count"], breach["examples"]) == ([2], 1, [])


def test_a_spec_may_allow_the_cells() -> None:
    found = event(refused(CELL, may_quote=True))
    assert found["reason"] == "type: column 'age': expected a number, found 'secret' (row 2)"
    assert found["breaches"][0]["examples"] == ["secret"]
