"""``python -m cli``: the ``sluice`` command without having it installed."""

from cli.main import run_as_program

run_as_program()
