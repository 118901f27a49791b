"""``sluice simulate scaling``: a spec and a trace in, a run that says it is a simulation out."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from random import Random

import pytest
import yaml
from sluice.spec.model import ModelSpec

from cli.failures import BadInputError
from cli.main import command_line, main
from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.simulate import Service, policy_of, written_in
from tests.builders.spec_examples import spec_with


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "fraud.yaml"
    file.write_text(yaml.safe_dump(spec_with(("endpoint.instance_count", 2))))
    return file


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "trace.csv"
    file.write_text("minute,requests\n" + "".join(f"{minute},300\n" for minute in range(30)))
    return file


@pytest.mark.parametrize("kind", ["serverless", "batch"])
def test_what_has_no_instances_that_scale_is_not_simulated(
    spec: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    spec.write_text(yaml.safe_dump(spec_with(("endpoint", {"type": kind, **SIZES[kind]}))))
    text = told(capsys, spec, "--service-ms", 30, code=2)
    assert f"endpoint.type is {kind}, which has no instances that scale with load; allowed: real-time | async" in text


SIZES: dict[str, dict[str, str]] = {"serverless": {}, "batch": {"instance_type": "ml.m5.large"}}


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    assert main(["simulate", "scaling", *map(str, words)]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_people_see_that_it_is_a_simulation_the_run_and_the_suggestion(
    spec: Path, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(capsys, spec, "--traffic", trace, "--service-ms", 200)
    assert text.startswith("SIMULATION on a virtual clock: nothing here was measured on AWS.\n")
    for part in (
        "fraud: 9,000 requests in 30 minutes on 1 to 20 ml.m5.large, 2 requests at once on each, 300 s to start one",
        "Over time, with a target of 70 a minute and instance (simulated)",
        "Targets (simulated)",
        "rejected a minute",
        "Simulated: better is a target of",
    ):
        assert part in text


def test_programs_read_the_same_minute_by_minute(spec: Path, trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--traffic", trace, "--service-ms", 200, "--target", 150, "--output", "json")
    document = json.loads(told(capsys, spec, *words))
    assert document["simulation"] is True
    assert document["policy"]["target"] == 150
    assert (document["totals"]["requests"], document["totals"]["rejected"]) == (9000, 0)
    assert [one["instances"] for one in document["minutes"]] == [2] * 30  # the spec's count, and just right
    assert document["suggestion"]["meets_goal"] is True
    assert document["suggestion"]["usd"] <= document["totals"]["usd"]


def test_without_a_good_target_it_says_what_else_would_help(
    spec: Path, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--traffic", trace, "--service-ms", 2000, "--max-instances", 2)
    text = told(capsys, spec, *words)
    assert "Simulated: no target gives every minute a p95 within 4,000 ms and nothing rejected." in text
    assert "raise --min-instances or --max-instances" in text


def test_the_search_can_be_left_out(spec: Path, trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(told(capsys, spec, "--traffic", trace, "--service-ms", 20, "--no-search", "--output", "json"))
    assert (document["suggestion"], document["tried"]) == (None, [])


def test_the_goal_is_what_is_given_or_what_the_models_alarm_tolerates_or_twice_the_service_time(
    tmp_path: Path, trace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def goal(limit: float | None, *words: object) -> float:
        file = tmp_path / "one.yaml"
        file.write_text(yaml.safe_dump(spec_with(("rollout.alarms.latency_p95_ms", limit))))
        common = ("--traffic", trace, "--service-ms", 20, "--no-search", "--output", "json")
        return float(json.loads(told(capsys, file, *common, *words))["p95_goal_ms"])

    assert goal(700) == 700
    assert goal(700, "--p95-ms", 90) == 90
    assert goal(None) == 40


def test_measured_times_are_drawn(spec: Path, trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = tmp_path / "times.txt"
    times.write_text("10\n20.5\n30\n")
    text = told(capsys, spec, "--traffic", trace, "--service-times", times, "--output", "json", "--no-search")
    assert json.loads(text)["totals"]["p99_ms"] >= 30
    drawn = {Service((0.01, 0.0205, 0.03)).draw(Random(seed)) for seed in range(50)}
    assert drawn == {0.01, 0.0205, 0.03}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "has no times"), ("10\nfast\n", "'fast' is not a number above 0 of milliseconds"), ("-1", "'-1' is not")],
)
def test_a_file_without_times_is_refused(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, sentence: str
) -> None:
    times = tmp_path / "times.txt"
    times.write_text(content)
    assert sentence in told(capsys, spec, "--service-times", times, code=2)


def test_files_that_are_not_there_are_named(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = tmp_path / "none"
    assert f"{none} cannot be read" in told(capsys, spec, "--service-times", none, code=2)
    assert f"{none} cannot be read" in told(capsys, spec, "--service-ms", 1, "--traffic", none, code=2)
    assert "cannot be read" in told(capsys, none, "--service-ms", 1, code=2)


def test_an_instance_type_without_a_price_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fraud.yaml"
    file.write_text(yaml.safe_dump(spec_with(("endpoint.instance_type", "ml.x9.huge"))))
    assert "The price table has no ml.x9.huge" in told(capsys, file, "--service-ms", 1, code=2)


def given(*words: str) -> Namespace:
    return command_line({}).parse_args(["simulate", "scaling", "x.yaml", "--service-ms", "1", *words])


def test_options_stand_over_what_a_spec_says_and_that_over_the_defaults() -> None:
    written = TargetTracking(target=5, min_instances=2, scale_in_cooldown_seconds=7)
    assert policy_of(given()) == TargetTracking(
        target=70, min_instances=1, max_instances=20, scale_in_cooldown_seconds=300, scale_out_cooldown_seconds=60
    )
    assert policy_of(given("--target", "9", "--scale-out-cooldown", "0"), written) == TargetTracking(
        target=9, min_instances=2, scale_in_cooldown_seconds=7, scale_out_cooldown_seconds=0
    )


def test_the_policy_is_that_of_the_spec() -> None:
    scaling = {"min": 2, "max": 9, "target": 120, "scale_in_cooldown": "10m", "scale_out_cooldown": "30s"}
    assert written_in(ModelSpec.parse(spec_with(("endpoint.scaling", scaling)))) == TargetTracking(
        target=120, min_instances=2, max_instances=9, scale_in_cooldown_seconds=600, scale_out_cooldown_seconds=30
    )
    assert written_in(ModelSpec.parse(spec_with())) == TargetTracking()


def test_limits_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(BadInputError, match="min-instances 30 is above max-instances 20"):
        policy_of(given("--min-instances", "30"))


@pytest.mark.parametrize(
    "words",
    [
        ("--target", "0"),
        ("--min-instances", "0"),
        ("--max-instances", "1001"),
        ("--concurrency", "1.5"),
        ("--scale-in-cooldown", "-1"),
        ("--startup-seconds", "nan"),
        ("--service-times", "also.txt"),
    ],
)
def test_a_wrong_value_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        given(*words)
    assert caught.value.code == 2
