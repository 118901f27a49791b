"""A batch run is read by functions of another release: while functions are updated, and after a stack's rollback."""

from __future__ import annotations

import json

from sluice.batch.run import BatchRun
from sluice.batch.store import BatchStore

from tests.fakes.aws_state import START
from tests.fakes.table import FakeTable

RELEASE_0_2 = (
    "ended_at estimated_usd files folder input_digest job model phase reason request requested_at rows_in rows_out "
    "sagemaker_model seconds size version"
)
"""The fields that release 0.2 knows; it fails on any other."""

RUN = BatchRun(
    job="j", model="m", request="r", requested_at=START, phase="running", given_digest="g", rows_set_aside=3, version=1
)


def test_release_0_2_can_read_every_run_that_is_stored() -> None:
    table = FakeTable()
    store = BatchStore(table)
    store.open(RUN)
    (item,) = table.query("MODEL#m", "BATCH#")
    assert set(json.loads(item["run"])) <= set(RELEASE_0_2.split())
    assert (store.get("m", "j"), list(store.runs("m"))) == (RUN, [RUN]), "and this release reads all of it"


def test_fields_of_a_later_release_are_ignored() -> None:
    assert BatchRun.parse({**RUN.to_json(), "of_a_later_release": 1}) == RUN
