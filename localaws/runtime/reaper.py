"""Kills the process groups a server leaves behind. Run by path with ``python -I -S``; imports nothing of ours.

Reads ``+group`` and ``-group`` lines from stdin. The end of stdin means that the server is gone, however it went.
"""

import os
import signal
import sys


def main() -> None:
    """Keep the list of groups until the server's end of the pipe closes, then kill them all."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it must outlive a server that is being terminated
    groups = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
