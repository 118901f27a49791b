"""Every command and option of ``sluice`` is described in docs/cli.md."""

from __future__ import annotations

from argparse import ArgumentParser, _SubParsersAction
from pathlib import Path

from cli.main import command_line

DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def commands(parser: ArgumentParser | None = None, above: str = "") -> dict[str, ArgumentParser]:
    """Every command that can be run, by its words."""
    inner = [one for one in (parser or command_line({}))._actions if isinstance(one, _SubParsersAction)]
    if parser is not None and not inner:
        return {above.strip(): parser}
    return {
        words: command
        for action in inner
        for name, each in action.choices.items()
        for words, command in commands(each, f"{above} {name}").items()
    }


def test_every_command_is_described() -> None:
    missing = [name for name in commands() if f"sluice {name}" not in DOCS]
    assert not missing


def test_every_option_is_described() -> None:
    options = {option for command in commands().values() for one in command._actions for option in one.option_strings}
    assert not {option for option in options if option.startswith("--") and option not in DOCS} - {"--help"}
