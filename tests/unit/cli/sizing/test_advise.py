"""``sluice advise``: options or questions in, a recommendation with its assumptions out."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.failures import BadInputError
from cli.main import command_line, main
from cli.sizing.plot import log_plot, short, sparkline
from cli.sizing.questions import GPU, QUESTIONS, SCHEDULE, gather
from tests.builders.fake_aws import FakeAws

WORDS = "--payload-mb 0.01 --response-seconds 0.1 --requests-per-month 5,000,000 --traffic steady --latency seconds"


def told(capsys: pytest.CaptureFixture[str], words: str, code: int = 0) -> str:
    assert main(["advise", *words.split()]) == code
    return capsys.readouterr().out


def test_people_read_the_choice_the_others_the_crossover_and_what_it_rests_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = told(capsys, WORDS)
    assert text.startswith("Choose serverless. It fits and costs least: $20.78 a month. Next is real-time with $84.73.")
    for part in (
        "Real-time is cheaper than serverless from 20,987,",
        "r real-time, s serverless",
        "List prices of us-east-1 as of 2025-10",
        "Prices to check before you rely on them: data_usd_per_gb on async",
        "endpoint:\n  type: serverless\n  serverless: {memory_mb: 2048, max_concurrency: 1}",
    ):
        assert part in text


def test_enter_alone_answers_what_has_a_default() -> None:
    aws, answers = FakeAws(), iter(["0.01", "0.1", "5000000", "batch", "hours", "", ""])
    found = gather(
        Namespace(**{one.name: None for one in (*QUESTIONS, GPU, SCHEDULE)}), aws.session(), lambda _: next(answers)
    )
    assert (found["gpu"], found["schedule"]) == (False, "none")
    assert "Does the model need a GPU? (Enter: no)" in aws.shown


def test_programs_read_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(told(capsys, WORDS + " --output json"))
    assert document["type"] == "serverless"
    assert [one["type"] for one in document["types"]] == ["real-time", "serverless", "async", "batch"]
    assert document["crossover_requests_per_month"]["first"] > 20_000_000
    assert document["endpoint"]["type"] == "serverless"
    assert len(document["assumptions"]) > 5


def test_nothing_fits_ends_with_1_and_says_what_is_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, WORDS.replace("0.01", "50"), code=1)
    assert text.startswith("No way to serve fits. The nearest is real-time, but: a request of 50 MB is over its limit")
    assert "\nendpoint:" not in text


def test_with_a_gpu_there_is_no_crossover(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, WORDS + " --gpu")
    assert text.startswith("Choose real-time. It is the only way that fits.")
    assert "No crossover with serverless: it has no GPU." in text
    assert "instance_type: ml.g4dn.xlarge" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "Missing: --payload-mb, --response-seconds, --requests-per-month, --traffic, --latency."),
        (WORDS + " --instance-type ml.x9.huge", "The price table has no ml.x9.huge; it has: ml.t2.medium"),
        (WORDS + " --gpu --instance-type ml.m5.large", "ml.m5.large has no GPU"),
        (WORDS + " --prices /nonexistent", "/nonexistent cannot be read: No such file"),
    ],
)
def test_bad_input_is_one_sentence(capsys: pytest.CaptureFixture[str], words: str, sentence: str) -> None:
    assert main(["advise", *words.split(), "--output", "json"]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"region": "r"}'])
def test_a_price_file_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)
    assert main(["advise", *WORDS.split(), "--prices", str(file)]) == 2
    assert f"{file} is not a price table" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        "--payload-mb=0",
        "--payload-mb=nan",
        "--payload-mb=inf",
        "--payload-mb=x",
        "--requests-per-month=0",
        "--requests-per-month=1.5",
        "--requests-per-month=99999999999999",
        "--traffic=wild",
        "--latency=now",
        "--schedule=yearly",
        "--memory-mb=1000",
        "--peak-factor=0.5",
    ],
)
def test_a_wrong_value_is_refused(option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["advise", *WORDS.split(), option])
    assert caught.value.code == 2


def asked(lines: list[str]) -> Callable[[str], str]:
    waiting = iter(lines)

    def answer(_prompt: str) -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return answer


def given(words: str) -> Namespace:
    return command_line({}).parse_args(["advise", *words.split()])


def test_what_is_not_given_is_asked_until_it_is_understood() -> None:
    aws = FakeAws()
    answers = gather(
        given("--payload-mb 2"), aws.session(), asked(["soon", "0.5", "1000", "bursts", "spiky", "hours", "no"])
    )
    assert answers == {
        "payload_mb": 2.0,
        "response_seconds": 0.5,
        "requests_per_month": 1000,
        "traffic": "spiky",
        "latency": "hours",
        "gpu": False,
        "schedule": "none",
    }
    assert "'soon' is not a number above 0" in aws.shown
    assert "'bursts' is none of: steady, spiky, rare, batch" in aws.shown
    assert QUESTIONS[0].text not in aws.shown


def test_for_batches_the_schedule_is_asked_too_unless_it_is_given() -> None:
    common = "--payload-mb 2 --response-seconds 1 --requests-per-month 9 --traffic batch"
    every = gather(given(common), FakeAws().session(), asked(["hours", "yes", "weekly"]))
    assert (every["gpu"], every["schedule"]) == (True, "weekly")
    some = gather(given(common + " --no-gpu --schedule daily"), FakeAws().session(), asked(["hours"]))
    assert (some["gpu"], some["schedule"]) == (False, "daily")


def test_nothing_is_asked_when_the_options_say_enough() -> None:
    found = gather(given(WORDS), FakeAws().session(), asked([]))
    assert (found["latency"], found["gpu"], found["schedule"]) == ("seconds", False, "none")


def test_an_end_of_the_answers_names_the_option() -> None:
    with pytest.raises(BadInputError, match="--response-seconds gives it"):
        gather(given("--payload-mb 2"), FakeAws().session(), asked([]))


def test_a_sparkline_shows_the_highest_value_of_each_part() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0, 0, 8, 0, 0, 1], width=2) == "█▁"
    assert sparkline([1, 2], top=8) == "▁▂"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""


def test_a_plot_draws_each_line_by_its_letter_and_where_they_meet_a_star() -> None:
    assert log_plot([1, 10, 1000], {"a": [1, 10, 100], "b": [100, 10, 1]}, height=3) == [
        "100.00 |b a",
        "       | * ",
        "  1.00 |a b",
        "       +---",
        "        1 1k",
    ]
    assert [short(one) for one in (1, 1500, 2e6, 3e9)] == ["1", "1.5k", "2M", "3G"]
