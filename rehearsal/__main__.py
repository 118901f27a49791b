"""The commands of ``python -m rehearsal``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rehearsal import play, serve


def main(arguments: Sequence[str]) -> int:
    """Run one command; exit status."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve.add_command(commands)
    play.add_command(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
