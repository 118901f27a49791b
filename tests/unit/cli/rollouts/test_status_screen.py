"""``sluice status MODEL`` fits on one screen, and says what it leaves out."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import pytest

from cli.main import command_line
from cli.output import RichOutput
from cli.rollouts.status_sections import fit, folded_history, section
from tests.builders.fake_aws import START, FakeAws
from tests.builders.status_stage import LOOK

pytestmark = pytest.mark.usefixtures("in_utc")


def look_at(minute: int, reason: str, stage: int = 0) -> dict[str, Any]:
    at = (START + timedelta(minutes=minute)).isoformat()
    finding = {"name": "errors", "answer": "HOLD", "reason": reason, "numbers": LOOK["data"]["findings"][1]["numbers"]}
    quiet: list[dict[str, Any]] = [
        {"name": name, "answer": "ABSTAIN", "reason": "quiet", "numbers": {}}
        for name in ("alarm", "traffic", "latency")
    ]
    return {"at": at, "text": f"hold: {reason}", "data": {"stage": stage, "findings": [*quiet, finding]}}


UNPROVEN = (
    "not proven yet: neither harm, nor that the canary fails less than 2 times as often as the baseline plus 1.00%"
)


@pytest.fixture
def long_canary(busy: FakeAws) -> FakeAws:
    """Version 2 has been in its first stage for 42 minutes, with a look each."""
    for minute in range(42):
        reason = (
            "baking until 03:14:05" if minute < 10 else f"errors: {UNPROVEN} of requests; about {minute} more needed"
        )
        line = look_at(minute, reason)
        item = {"pk": "ROLLOUT#fraud-2-1", "sk": f"ENTRY#look-{line['at']}", "at": line["at"], "text": line["text"]}
        item["data"] = json.dumps(line["data"])
        busy.dynamodb.items.append({name: {"S": value} for name, value in item.items()})
    for version in range(3, 9):
        busy.sagemaker.register("sluice-dev-fraud", version, ApprovalDescription="a reason of some length " * 4)
        busy.sagemaker.run(f"arn:…/execution/run{version}", {}, (("PreprocessData", "Succeeded"), ("Train", "Failed")))
    return busy


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, *more: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    monkeypatch.setenv("TERM", "dumb")
    screen = Terminal()
    session = replace(aws.session(), out=RichOutput(screen))
    arguments = command_line({}).parse_args(["status", "fraud", *more])
    if more:
        with pytest.raises(KeyboardInterrupt):
            arguments.run(arguments, replace(session, sleep=interrupted))
    else:
        assert arguments.run(arguments, session) == 0
    return screen.getvalue().splitlines()


def interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (140, 24), (140, 50)])
@pytest.mark.parametrize("more", [(), ("--watch",)])
def test_a_long_canary_fits_on_the_screen_and_what_is_cut_is_said(
    long_canary: FakeAws, monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, more: tuple[str, ...]
) -> None:
    shown = [line.rstrip() for line in on_terminal(long_canary, monkeypatch, columns, lines, *more)]
    assert sum(max(ceil(len(line) / columns), 1) for line in shown) < lines
    assert shown[0] == "fraud-2-1  baking, stage 1 of 2 at 10%"
    assert "not proven yet: neither harm" in shown[1]
    text = "\n".join(shown)
    assert "v2       10%" in text
    assert "errors    HOLD     1.2 of 31  0 of 20    500 / 4,500  about 1,200" in text
    assert "32 looks since 03:14:05: hold: errors: not proven yet" in text
    assert "9 looks since 03:05:05: hold: baking until 03:14:05" in text
    for command in ("versions", "runs") if lines == 24 else ():
        assert f"more: `sluice {command} fraud`" in text


def test_looks_that_say_the_same_are_one_line_and_the_newest_stands_first() -> None:
    shifted = {"at": START.isoformat(), "text": "version 2 has 10 %", "data": {}}
    looks = [look_at(1, "baking"), look_at(2, "baking"), look_at(3, "slow; 1 of 20"), look_at(4, "slow; 2 of 20")]
    rows = folded_history([shifted, *looks, look_at(5, "slow; 3 of 20", stage=1)], lambda at: f"{at:%H:%M}")
    assert rows == [
        ("03:09", "hold: slow; 3 of 20"),
        ("03:08", "2 looks since 03:07: hold: slow"),
        ("03:06", "2 looks since 03:05: hold: baking"),
        ("03:04", "version 2 has 10 %"),
    ]


def test_what_does_not_fit_is_named_and_what_is_first_gets_the_room() -> None:
    parts = [
        section("A", [("1",), ("2",), ("3",)], head=("n",), more="`a`"),
        section("B", [("1",)] * 9, more="`b`", total=20),
        section("C", [("1",)], more="`c`"),
    ]
    assert fit(parts, 99) == (parts, "")
    shown, left = fit(parts, 10)
    assert [(each.shown_title, len(each.rows)) for each in shown] == [("A", 3), ("B (18 more: `b`)", 2), ("C", 1)]
    assert left == ""
    shown, left = fit(parts, 6)
    assert [(each.shown_title, len(each.rows)) for each in shown] == [("A (2 more: `a`)", 1), ("B (19 more: `b`)", 1)]
    assert left == "Not shown: C, `c`"
    assert fit(parts, 2)[0] == []
    assert fit([section("A", [("1",)] * 9, least=3, more="`a`"), parts[2]], 5)[1] == "Not shown: C, `c`"
