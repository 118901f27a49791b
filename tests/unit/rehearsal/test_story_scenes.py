"""What scenes are made of: flawed versions, and names that tell whose event it is."""

from __future__ import annotations

import io
import itertools
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.material.flaws import UNHEALTHY, Flaw, disagreeing, failing, slow
from rehearsal.material.paced_spec import write_scene_spec
from rehearsal.scenario_registry import SCENES
from rehearsal.scenarios.artifacts import INFERENCE, spoil

REPO = Path(__file__).parents[3]
SOUND = "def predict_fn(rows, model):\n    return model\n"


def archive(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content.encode()))
    return out.getvalue()


def contents(packed: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as found:
        return {each.name: (found.extractfile(each) or io.BytesIO()).read().decode() for each in found}


def serving(flaw: Flaw) -> dict[str, Any]:
    """The functions of the flawed ``inference.py``."""
    module: dict[str, Any] = {}
    exec(compile(SOUND + flaw.code, INFERENCE, "exec"), module)
    return module


def test_only_the_serving_code_of_a_flawed_version_differs() -> None:
    files = {"xgboost-model": "trees", INFERENCE: SOUND}
    assert contents(spoil(archive(**files), UNHEALTHY)) == {**files, INFERENCE: SOUND + UNHEALTHY.code}


def test_an_archive_without_serving_code_cannot_be_spoiled() -> None:
    with pytest.raises(KeyError, match=INFERENCE):
        spoil(archive(**{"xgboost-model": "trees"}), UNHEALTHY)


@pytest.mark.parametrize(("share", "failures"), [(0.0, 0), (0.25, 25), (1.0, 100)])
def test_a_failing_version_fails_on_its_share_of_the_requests(share: float, failures: int) -> None:
    predict = serving(failing(share))["predict_fn"]
    failed = 0
    for _ in range(100):
        try:
            predict([], 1)
        except ValueError:
            failed += 1
    assert failed == failures


def test_a_slow_version_answers_right() -> None:
    assert serving(slow(0.0))["predict_fn"]([], 7) == 7


def test_a_disagreeing_version_answers_something_else() -> None:
    assert serving(disagreeing(3))["predict_fn"]([], 7) == 10


def test_a_scenes_spec_is_the_fraud_models_with_its_own_fields(tmp_path: Path) -> None:
    fields: dict[str, dict[str, Any]] = {"rollout": {"strategy": "linear"}, "endpoint": {"instance_count": 2}}
    spec = yaml.safe_load(write_scene_spec(REPO, tmp_path / "mine.yaml", "mine", fields).read_text())
    assert (spec["name"], spec["data"]["target"]) == ("mine", "risk_score")
    assert spec["rollout"]["strategy"] == "linear"
    assert "stages" not in spec["rollout"]
    assert (spec["endpoint"]["instance_count"], spec["endpoint"]["metrics_period_seconds"]) == (2, 10)


def test_no_event_of_a_scene_can_be_taken_for_anothers() -> None:
    names = [scene.name for scene in SCENES]
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", name) for name in names)
    assert not [pair for pair in itertools.permutations(names, 2) if re.match(rf"{pair[0]}\b", pair[1])]
