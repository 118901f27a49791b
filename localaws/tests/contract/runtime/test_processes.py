"""Child processes: private mounts, ends, and that nothing survives a killed server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localaws.runtime.process import ChildStartError, ProcessTable

REPO = Path(__file__).parents[4]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def processes() -> Iterator[ProcessTable]:
    table = ProcessTable()
    yield table
    table.close()


def run(processes: ProcessTable, directory: Path, script: str, mount: Path | None = None) -> tuple[int, str]:
    """Run a shell script to its end: exit status and output."""
    log = directory / "log"
    mounts = {"/opt/ml": mount} if mount else None
    child = processes.start(["sh", "-c", script], env=ENVIRONMENT, cwd=directory, log=log, mounts=mounts)
    return child.wait(timeout_seconds=20), log.read_text()


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Not there, or dead and only waiting for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_has_the_given_environment_directory_and_log(processes: ProcessTable, tmp_path: Path) -> None:
    status, output = run(processes, tmp_path, "pwd; env | grep -v -e PWD -e SHLVL -e '^_='; echo oops >&2; exit 3")
    assert status == 3
    assert output.splitlines() == [str(tmp_path), f"PATH={ENVIRONMENT['PATH']}", "oops"]


def test_each_child_has_an_opt_ml_of_its_own(processes: ProcessTable, tmp_path: Path) -> None:
    opt_before = sorted(os.listdir("/opt"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    children = [
        processes.start(
            ["sh", "-c", f"echo {name} > /opt/ml/written; ls /opt > /opt/ml/opt; sleep 0.2; cat /opt/ml/written"],
            env=ENVIRONMENT,
            cwd=tmp_path,
            log=tmp_path / f"{name}.log",
            mounts={"/opt/ml": tmp_path / name},
        )
        for name in ("one", "two")
    ]
    assert [child.wait(timeout_seconds=20) for child in children] == [0, 0]
    assert [(tmp_path / f"{name}.log").read_text() for name in ("one", "two")] == ["one\n", "two\n"]
    assert (tmp_path / "one" / "opt").read_text().split() == sorted({*opt_before, "ml"})
    assert sorted(os.listdir("/opt")) == opt_before


def test_a_directory_is_kept_when_its_parent_is_mounted_over(processes: ProcessTable, tmp_path: Path) -> None:
    source, inner = tmp_path / "layer", tmp_path / "ml"
    source.mkdir()
    (source / "python").mkdir()
    inner.mkdir()
    child = processes.start(
        ["sh", "-c", "ls -d /opt/python"],
        env=ENVIRONMENT,
        cwd=tmp_path,
        log=tmp_path / "log",
        mounts={"/opt": source},
    )
    assert child.wait(timeout_seconds=20) == 0


def test_a_program_that_is_not_there_is_an_error_at_the_start(processes: ProcessTable, tmp_path: Path) -> None:
    with pytest.raises(ChildStartError, match="no-such-program"):
        processes.start(["no-such-program"], env=ENVIRONMENT, cwd=tmp_path, log=tmp_path / "log")


def test_a_directory_that_is_not_there_is_an_error_at_the_start(processes: ProcessTable, tmp_path: Path) -> None:
    with pytest.raises(ChildStartError, match="absent"):
        processes.start(["true"], env=ENVIRONMENT, cwd=tmp_path / "absent", log=tmp_path / "log")


def test_a_mount_that_cannot_be_is_an_error_at_the_start(processes: ProcessTable, tmp_path: Path) -> None:
    with pytest.raises(ChildStartError, match="absent"):
        run(processes, tmp_path, "true", mount=tmp_path / "absent")


def test_a_host_without_namespaces_is_named_as_the_reason(tmp_path: Path) -> None:
    order = {"parent": 0, "report": 1, "mounts": {"/opt/ml": str(tmp_path)}, "foreign": [], "argv": ["true"]}
    forbid = "for kind in mnt user; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done"
    launch = f"exec {sys.executable} -I -S {REPO}/localaws/runtime/launcher.py '{json.dumps(order)}'"
    launched = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", f"{forbid}; {launch}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "this host forbids the private mounts" in launched.stdout, launched.stderr
    assert launched.returncode == 127


def test_stop_terminates_and_then_kills_the_whole_group(processes: ProcessTable, tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; while true; do sleep 0.1; done"
    child = processes.start(["sh", "-c", script], env=ENVIRONMENT, cwd=tmp_path, log=tmp_path / "log")
    log = tmp_path / "log"
    eventually(lambda: log.read_text().strip() != "", "the child says its grandchild's id")
    child.stop(grace_seconds=0.2)
    assert child.poll() == -signal.SIGKILL
    eventually(lambda: is_gone(int(log.read_text())), "the grandchild is gone")


def test_what_a_child_leaves_behind_ends_with_it(processes: ProcessTable, tmp_path: Path) -> None:
    status, output = run(processes, tmp_path, "sleep 60 & echo $!")
    assert status == 0
    eventually(lambda: is_gone(int(output)), "the grandchild is gone")


def test_a_wait_that_takes_too_long_is_a_timeout(processes: ProcessTable, tmp_path: Path) -> None:
    child = processes.start(["sleep", "60"], env=ENVIRONMENT, cwd=tmp_path, log=tmp_path / "log")
    with pytest.raises(TimeoutError):
        child.wait(timeout_seconds=0.05)
    assert child.poll() is None


def test_a_closed_table_has_ended_its_children_and_starts_no_more(tmp_path: Path) -> None:
    table = ProcessTable()
    child = table.start(["sleep", "60"], env=ENVIRONMENT, cwd=tmp_path, log=tmp_path / "log")
    table.close()
    assert child.poll() == -signal.SIGTERM
    with pytest.raises(ChildStartError, match="stopping"):
        table.start(["true"], env=ENVIRONMENT, cwd=tmp_path, log=tmp_path / "log")


SERVER = """
import os, time
from pathlib import Path
from localaws.runtime.process import ProcessTable

table = ProcessTable()
script = "sleep 60 & echo $$ $!; wait"
here = Path(os.environ["HERE"])
table.start(["sh", "-c", script], env=dict(PATH=os.environ["PATH"]), cwd=here, log=here / "log")
time.sleep(60)
"""


def test_a_killed_server_leaves_neither_child_nor_grandchild(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER)],
        env=ENVIRONMENT | {"PYTHONPATH": str(REPO), "HERE": str(tmp_path)},
    )
    log = tmp_path / "log"
    try:
        eventually(lambda: log.exists() and len(log.read_text().split()) == 2, "child and grandchild run")
    finally:
        server.kill()
        server.wait()
    for pid in map(int, log.read_text().split()):
        eventually(lambda pid=pid: is_gone(pid), f"process {pid} is gone")  # type: ignore[misc]
