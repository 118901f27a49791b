"""The training image played: how hyperparameters reach a script, and which the algorithm takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localaws.containers.training.hyperparameters import UserError, algorithm_parameters, decoded
from localaws.containers.training.script import command_line, job_environment


def test_values_are_json_where_they_are_json() -> None:
    given = {"eta": "0.2", "objective": '"reg:squarederror"', "name": "plain", "layers": "[1, 2]"}
    assert decoded(given) == {"eta": 0.2, "objective": "reg:squarederror", "name": "plain", "layers": [1, 2]}


def test_the_command_line_is_sorted_and_spelled_as_the_toolkit_does() -> None:
    user = {"num_round": 50, "eta": 0.2, "n": 1, "deep": {"b": 2, "a": 1}}
    assert command_line(user) == ["--deep", "a=1,b=2", "--eta", "0.2", "-n", "1", "--num_round", "50"]


def test_a_script_learns_about_its_job_from_the_environment(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text('{"hosts": ["algo-1"], "current_host": "algo-1"}')
    (config / "inputdataconfig.json").write_text('{"train": {}, "validation": {}}')
    environment = job_environment(tmp_path, {"eta": 0.2}, "train.py", ["--eta", "0.2"])
    assert environment["SM_CHANNEL_TRAIN"] == str(tmp_path / "input" / "data" / "train")
    assert environment["SM_MODEL_DIR"] == str(tmp_path / "model")
    assert json.loads(environment["SM_CHANNELS"]) == ["train", "validation"]
    assert json.loads(environment["SM_HPS"]) == {"eta": 0.2}
    assert environment["SM_HP_ETA"] == "0.2"


def test_the_algorithm_takes_its_own_parameters() -> None:
    parameters, rounds = algorithm_parameters({"num_round": "5", "eta": "0.3", "objective": "reg:squarederror"})
    assert (parameters, rounds) == ({"eta": 0.3, "objective": "reg:squarederror"}, 5)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"num_round": "5", "bogus": "1"}, "Extraneous hyperparameter found: bogus"),
        ({"eta": "0.2"}, "num_round"),
        ({"num_round": "5", "eta": "1.5"}, "eta"),
        ({"num_round": "many"}, "num_round"),
        ({"num_round": "5", "objective": "reg:magic"}, "objective"),
    ],
)
def test_the_algorithm_refuses_the_rest_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        algorithm_parameters(given)
