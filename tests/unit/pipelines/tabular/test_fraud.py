"""The shipped fraud model on the story's data: what passes the gate, what fails it, and who refuses live rows."""

from __future__ import annotations

import json
from itertools import islice

import pytest
import yaml

from rehearsal.material.data import live_rows
from rehearsal.material.fraud import fraud_uploads
from tests.builders.tabular_jobs import ROOT, Run, data_contract

SPEC = yaml.safe_load((ROOT / "models" / "fraud.yaml").read_text())
UPLOADS = ("first", "newer", "narrow", "mislabelled")
SEED = 7
DOCUMENTED_ROW = "25,50000,680,12,0.7,0.3,0.1"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The jobs, run on each upload as the shipped spec says."""
    chosen = SPEC["pipeline"]["parameters"]
    hyperparameters = {"num_round": "NumRound", "max_depth": "MaxDepth", "eta": "Eta"}
    arguments = [text for name, key in hyperparameters.items() for text in (f"--{name}", str(chosen[key]))]
    uploads = fraud_uploads(SEED)
    runs = {}
    for name in UPLOADS:
        run = runs[name] = Run(tmp_path_factory.mktemp(name))
        assert run.preprocess({"upload.csv": getattr(uploads, name).to_csv()}, data_contract(SPEC)).code == 0
        assert run.train(*arguments, "--objective", "reg:squarederror").code == 0
        assert run.evaluate().code == 0
    return runs


def test_only_the_mislabelled_upload_misses_the_gate_and_does_so_by_far(runs: dict[str, Run]) -> None:
    gate = SPEC["pipeline"]["parameters"]["MseThreshold"]
    mse = {name: run.metrics()["mse"]["value"] for name, run in runs.items()}
    assert all(2 < mse[name] < 4 for name in ("first", "newer", "narrow"))
    assert mse["mislabelled"] > 2 * gate


def test_the_documented_row_gets_an_answer(runs: dict[str, Run]) -> None:
    answers = runs["first"].serve([(DOCUMENTED_ROW, "text/csv", "text/csv")])
    assert 5 < float(answers[0]) < 30


def test_only_the_narrow_model_refuses_live_rows(runs: dict[str, Run]) -> None:
    rows = list(islice(live_rows(fraud_uploads(SEED).live, seed=1), 500))
    requests = [(row, "text/csv", "") for row in rows]
    for name in ("first", "newer"):
        assert not [answer for answer in runs[name].serve(requests) if isinstance(answer, dict)]
    refused = [answer for answer in runs["narrow"].serve(requests) if isinstance(answer, dict)]
    assert 0.1 < len(refused) / len(rows) < 0.4
    assert all(answer["error"].startswith("column 'age': ") for answer in refused)
    assert all("is outside 18 to 59, the range seen in training" in answer["error"] for answer in refused)


def test_what_the_model_refuses_is_decided_by_the_spec(runs: dict[str, Run]) -> None:
    """The policy travels in the model, not in the endpoint."""
    state = json.loads((runs["narrow"].model / "preprocessing.json").read_text())
    assert state["out_of_range"] == SPEC["inference"]["out_of_range"] == "reject"
