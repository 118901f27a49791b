"""The commands of ``python -m security``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from security import roles, sbom, scan


def main(arguments: Sequence[str]) -> int:
    """Run one command; exit status."""
    parser = argparse.ArgumentParser(prog="python -m security", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    scanning = commands.add_parser("scan", help="run the scanners")
    scanning.set_defaults(run=scan.run)
    writing = commands.add_parser("roles", help="write the tables of docs/security.md")
    writing.set_defaults(run=roles.write)
    listing = commands.add_parser("sbom", help="write the layer's bill of materials")
    listing.set_defaults(run=sbom.write)
    return int(parser.parse_args(arguments).run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
