"""``make serve`` and ``python -m rehearsal serve``: say how to use it, answer, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

REPO = Path(__file__).parents[3]
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")}


def begin(*command: str) -> subprocess.Popen[str]:
    """As a shell begins a command line: in a process group of its own, which Ctrl-C interrupts."""
    return subprocess.Popen(
        command,
        cwd=REPO,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextmanager
def make_serve(run_dir: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``make serve`` in a checkout that is set up, on a free port."""
    words = " ".join(("--run-dir", str(run_dir), *arguments))
    with begin("make", "-o", "setup", "serve", "PORT=0", f"ARGS={words}") as server:
        try:
            yield server
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


def printed_until(server: subprocess.Popen[str], beginning: str) -> str:
    """What it printed up to the line that begins like this."""
    assert server.stdout is not None
    said = ""
    while not said.splitlines() or not said.splitlines()[-1].startswith(beginning):
        line = server.stdout.readline()
        assert line, said
        said += line
    return said


def read_of_process(file: Path) -> str:
    """What a file of /proc says; nothing once its process or thread has ended, also between being listed and read."""
    try:
        return file.read_text()
    except OSError:
        return ""


def started_by(pid: int) -> set[int]:
    """The process and all its descendants that run, whatever their groups; threads may end while they are listed."""
    found = {pid}
    with contextlib.suppress(OSError):
        for thread in list(Path(f"/proc/{pid}/task").iterdir()):
            for child in read_of_process(thread / "children").split():
                found |= started_by(int(child))
    return found


def left_of(processes: set[int]) -> set[int]:
    """Those that still run; one that has ended may wait to be reaped by whoever reaps orphans here."""
    stats = {process: read_of_process(Path(f"/proc/{process}/stat")) for process in processes}
    return {process for process, stat in stats.items() if stat and stat.rpartition(") ")[2][0] != "Z"}


def test_make_serve_serves_until_interrupted_and_leaves_no_process(tmp_path: Path) -> None:
    with make_serve(tmp_path) as server:
        said = printed_until(server, "ready ")
        found = re.search(r"^  export AWS_ENDPOINT_URL=(\S+)$", said, re.MULTILINE)
        assert found is not None
        assert f"\nready {found[1]} with stack sluice-dev; Ctrl-C ends it" in said
        assert len(re.findall("^ready", said, re.MULTILINE)) == 1
        with urlopen(f"{found[1]}/_localaws/health", timeout=20) as answer:
            assert (answer.status, answer.read()) == (200, b"ok")
        processes = started_by(server.pid)
        assert len(processes) >= 3  # make, the server, its reaper
        os.killpg(server.pid, signal.SIGINT)
        server.communicate(timeout=60)
        assert left_of(processes) == set()


def test_make_serve_empty_deploys_nothing_and_ends_when_terminated(tmp_path: Path) -> None:
    with make_serve(tmp_path, "--empty") as server:
        said = printed_until(server, "ready ")
        assert re.search(r"^ready http://127\.0\.0\.1:\d+; Ctrl-C ends it", said, re.MULTILINE)
        processes = started_by(server.pid)
        server.terminate()  # make alone, which tells the server
        server.communicate(timeout=60)
        assert left_of(processes) == set()


def test_an_interrupt_of_the_start_ends_it_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    with begin(sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--run-dir", str(tmp_path)) as server:
        printed_until(server, "Building and deploying")
        processes = started_by(server.pid)
        os.killpg(server.pid, signal.SIGINT)
        said, _ = server.communicate(timeout=60)
        assert server.returncode == 130
        assert said.splitlines()[-1] == "interrupted before it was ready"
        assert left_of(processes) == set()
    assert not (tmp_path / "ready.json").exists()


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with begin(
            sys.executable, "-m", "rehearsal", "serve", "--port", str(port), "--run-dir", str(tmp_path)
        ) as server:
            said, _ = server.communicate(timeout=30)
    assert server.returncode == 1
    assert said.strip() == f"cannot listen on port {port}: Address already in use"
