"""The same command reads well on a terminal, in a pipe and for a program."""

from __future__ import annotations

import io
import json

import pytest

from cli.output import JsonOutput, PlainOutput, RichOutput, choose

HEAD = ("version", "metrics")
ROWS = [("fraud/7", "mse 4.2 [bold]"), ("fraud/10", "")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_output_fits_what_it_goes_to() -> None:
    assert isinstance(choose(Terminal(), "text"), RichOutput)
    assert isinstance(choose(io.StringIO(), "text"), PlainOutput)
    assert isinstance(choose(Terminal(), "json"), JsonOutput)


def test_plain_tables_are_aligned_and_free_of_colour() -> None:
    stream = io.StringIO()
    PlainOutput(stream).table("Versions", HEAD, ROWS)
    assert stream.getvalue() == "Versions\n  version   metrics\n  fraud/7   mse 4.2 [bold]\n  fraud/10\n"


def test_a_table_without_rows_says_so() -> None:
    for stream, out in ((plain := io.StringIO(), PlainOutput(plain)), (rich := Terminal(), RichOutput(rich))):
        out.table("Versions", HEAD, [])
        assert stream.getvalue() == "Versions: none\n"


def test_what_a_file_is_called_does_not_steer_the_terminal() -> None:
    for stream, out in ((plain := io.StringIO(), PlainOutput(plain)), (rich := Terminal(), RichOutput(rich))):
        out.table("Quarantine", HEAD, [("a\x1b[31m.csv", "b\r.csv")])
        assert "a\u241b[31m.csv" in stream.getvalue()
        assert "b\u240d.csv" in stream.getvalue()


def test_what_aws_or_a_file_says_in_a_line_does_not_steer_the_terminal() -> None:
    for stream, out in ((plain := io.StringIO(), PlainOutput(plain)), (rich := Terminal(), RichOutput(rich))):
        out.text("uploaded a\x1b]0;owned\x07.csv\nand b\x9b31m\r.csv")
        shown = stream.getvalue()
        assert not set(shown) & {"\x1b", "\x07", "\x9b", "\r"}
        assert "\nand b" in shown
    document = io.StringIO()
    JsonOutput(document).result({"file": "b\x9b31m\x1b.csv"})
    assert not set(document.getvalue()) & {"\x1b", "\x9b"}
    assert json.loads(document.getvalue()) == {"file": "b\x9b31m\x1b.csv"}


def test_a_terminal_shows_what_was_written_and_not_markup() -> None:
    stream = Terminal()
    out = RichOutput(stream)
    out.table("Versions", HEAD, ROWS)
    out.text("reason: [red]because[/red]")
    assert "mse 4.2 [bold]" in stream.getvalue()
    assert "[red]because[/red]" in stream.getvalue()


def test_watching_on_a_terminal_redraws() -> None:
    stream = Terminal()
    out = RichOutput(stream)
    drawn: list[int] = []

    def draw() -> None:
        drawn.append(1)
        out.text(f"drawing {len(drawn)}")

    def pause() -> None:
        if len(drawn) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        out.watch(draw, pause)
    assert "drawing 2" in stream.getvalue()


def test_what_is_taller_than_the_terminal_is_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("TERM", "dumb")
    out = RichOutput(stream := Terminal())

    def draw() -> int:
        for number in range(30):
            out.text(f"line {number}")
        return 0

    assert out.watch(draw, lambda: None) == 0
    lines = stream.getvalue().splitlines()
    assert len(lines) == 9
    assert (lines[0], lines[-1]) == ("line 0", "… 22 more lines: without --watch all are")


def test_a_brief_table_has_a_line_a_row_and_cuts_the_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("TERM", "dumb")
    out = RichOutput(stream := Terminal())
    out.table("Runs", (), [("run-1", "Failed", "a reason that is far too long for it"), ("r2", "", "")], brief=True)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert lines == ["Runs", "  run-1  Failed  a reason that is far t…", "  r2"]


def test_programs_get_nothing_but_json() -> None:
    stream = io.StringIO()
    out = JsonOutput(stream)
    out.text("hello")
    out.table("Versions", HEAD, ROWS)
    out.result({"é": 1})
    assert json.loads(stream.getvalue()) == {"é": 1}


def test_a_brief_table_cuts_long_cells_before_the_name_that_people_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version in the first column stays, however long approval, metrics and reason are."""
    monkeypatch.setenv("COLUMNS", "80")
    screen = io.StringIO()
    row = ("fraud/17", "PendingManualApproval", "mse 3.429, rmse 1.852, mae 1.461, r2 0.7899", "11-30 23:01", "r " * 90)
    RichOutput(screen).table("Versions", (), [row, ("fraud/2", "Approved", "", "11-30 22:46", "")], brief=True)
    first = screen.getvalue().splitlines()[1]
    assert first.startswith("  fraud/17  ")
    assert "11-30 23:01" in first
    assert len(first.rstrip()) <= 80
