"""A run is read by functions of another release: while functions are updated, and after a rollback of the stack."""

from __future__ import annotations

import json
from dataclasses import replace

from sluice.pipeline_runs.run import PipelineRun
from sluice.pipeline_runs.store import RunStore

from tests.builders.run_examples import succeeded
from tests.fakes.table import FakeTable

RELEASE_0_2 = (
    "code execution execution_reason metrics model modified_at package_arn parameters reports started_at status steps"
)
"""The fields that release 0.2 knows; it fails on any other."""


def test_release_0_2_can_read_every_run_that_is_stored() -> None:
    table = FakeTable()
    run = replace(succeeded(), step_code={"Train": "s3://b/code/1"}, verdict="mse: failed")
    RunStore(table).save(run)
    (item,) = table.query("MODEL#fraud", "RUN#")
    assert set(json.loads(item["run"])) <= set(RELEASE_0_2.split())
    assert list(RunStore(table).runs("fraud")) == [run], "and this release reads all of it"


def test_fields_of_a_later_release_are_ignored() -> None:
    run = succeeded()
    raw = run.to_json()
    for place in (raw, *raw["steps"]):
        place["of_a_later_release"] = 1
    assert PipelineRun.parse(raw) == run
