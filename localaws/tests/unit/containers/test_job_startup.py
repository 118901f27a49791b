"""How a job's script imports xgboost: without pandas and scikit-learn, unless something leads it to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from localaws.containers import STARTUP
from localaws.containers.serving.lean_import import leads_to_optional
from localaws.tests.interpreters import INTERPRETERS

# The name is put together, so that this text does not lead there.
SEEN = """
import json, os, sys
{before}
import xgboost
seen = {{"is lean": "pan" "das" not in sys.modules, "spec": repr(xgboost.__spec__), "arguments": sys.argv}}
seen |= {{"path": sys.path, "PYTHONPATH": os.environ.get("PYTHONPATH"), "first finder": repr(sys.meta_path[0])}}
seen |= {{"absent": [name for name, module in sys.modules.items() if module is None]}}
booster = xgboost.train({{"nthread": 1}}, xgboost.DMatrix([[1.0], [2.0]], label=[1.0, 2.0]), num_boost_round=2)
seen["rounds"] = booster.num_boosted_rounds()
print(json.dumps(seen))
"""


def ran(script: Path | None, *arguments: str, before: str = "", **environment: str) -> dict[str, Any]:
    """What a script saw that ran as a job's; without a file it is given with ``-c``."""
    text = SEEN.format(before=before)
    named: Sequence[str] = ["-c", text] if script is None else [str(script)]
    if script is not None:
        script.write_text(text)
    done = subprocess.run(
        [INTERPRETERS.containers, *named, *arguments],
        env={"OMP_NUM_THREADS": "1", **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_script_sees_nothing_of_it_but_that_xgboost_has_not_seen_what_it_does_without(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    before = ran(tmp_path / "plain.py", "--rounds", "2", PYTHONPATH=str(code))
    after = ran(tmp_path / "plain.py", "--rounds", "2", PYTHONPATH=f"{STARTUP}{os.pathsep}{code}")
    assert (before.pop("is lean"), after.pop("is lean")) == (False, True)
    at = re.compile(r" at 0x\w+")  # of the loader
    assert at.sub("", after.pop("spec")) == at.sub("", before.pop("spec"))
    assert after == before


def test_without_a_path_of_its_own_a_script_has_none(tmp_path: Path) -> None:
    assert ran(tmp_path / "plain.py", PYTHONPATH=str(STARTUP))["PYTHONPATH"] is None


@pytest.mark.parametrize(
    ("before", "arguments", "beside"),
    [
        pytest.param("import pandas", [], "", id="the script imports one"),
        pytest.param("", ["--library", "sklearn"], "", id="an argument names one"),
        pytest.param("", [], "from xgboost import XGBRegressor", id="a module beside it needs one"),
        pytest.param("import importlib; load = importlib.import_module", [], "", id="it imports what nobody can see"),
    ],
)
def test_what_may_lead_to_them_has_xgboost_see_them(
    tmp_path: Path, before: str, arguments: list[str], beside: str
) -> None:
    (tmp_path / "beside.py").write_text(beside)
    assert not ran(tmp_path / "led.py", *arguments, before=before, PYTHONPATH=str(STARTUP))["is lean"]


def test_code_that_nobody_can_read_has_xgboost_see_them() -> None:
    assert not ran(None, PYTHONPATH=str(STARTUP))["is lean"]


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ('importlib.import_module("features")', False),
        ('map(importlib.import_module, ("inference", "csv_reader"))', False),
        ('map(importlib.import_module, ("inference", "pandas"))', True),
        ("importlib.import_module(name)", True),
        ('importlib.import_module("a" + name)', True),
        ("from importlib import import_module", True),
        ('__import__("features")', False),
    ],
)
def test_an_import_by_name_leads_to_them_unless_the_name_is_written_out(text: str, leads: bool) -> None:
    assert leads_to_optional([text]) == leads
