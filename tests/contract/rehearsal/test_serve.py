"""``python -m rehearsal serve``: says how to use it, answers, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

REPO = Path(__file__).parents[3]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def serve(run_dir: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "rehearsal", "serve", "--port", str(port), "--run-dir", str(run_dir)]
    return subprocess.Popen(
        command, cwd=REPO, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_serves_until_terminated_and_leaves_no_process(tmp_path: Path) -> None:
    with serve(tmp_path, 0) as server:
        assert server.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        found = re.search(r"export AWS_ENDPOINT_URL=(\S+)", said)
        assert found is not None
        with urlopen(f"{found[1]}/_localaws/health", timeout=20) as answer:
            assert (answer.status, answer.read()) == (200, b"ok")
        helpers = children_of(server.pid)
        assert helpers
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        assert not any(Path(f"/proc/{helper}").exists() for helper in helpers)


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serve(tmp_path, port) as server:
            said, _ = server.communicate(timeout=30)
    assert server.returncode == 1
    assert said.strip() == f"cannot listen on port {port}: Address already in use"
