"""Child processes that cannot outlive the server: spawned by one long-lived thread, each a group of its own.

Two nets catch a child when the server dies, however it dies. The kernel kills the child itself, because its launcher
asked for PR_SET_PDEATHSIG; that request is tied to the *thread* that spawned it, hence the one thread here. The
reaper, a process that only waits for the server's end of a pipe to close, then kills the children's process
groups, and with them the grandchildren. Only a descendant that left its group (setsid) escapes both.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localaws.runtime.child import RunningChild, signal_group

_HERE = Path(__file__).parent
_QUICK_PYTHON = (sys.executable, "-I", "-S")  # no site-packages, no environment: starts in about 15 ms


class ChildStartError(Exception):
    """The program could not be started: not found, not executable, or the host forbids a private mount."""


_SET_BY_PYTHON = ("LC_CTYPE",)  # the launcher finds it in its environment, although nobody gave it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """One child to start, handed to the spawning thread."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    log: Path | IO[bytes]
    mounts: dict[str, str]
    result: Future[RunningChild]


def _launch(order: _Order, report: int) -> subprocess.Popen[bytes]:
    instructions = {"parent": os.getpid(), "report": report, "mounts": order.mounts, "argv": order.argv}
    instructions["foreign"] = [name for name in _SET_BY_PYTHON if name not in order.env]
    with contextlib.ExitStack() as opened:
        log = opened.enter_context(order.log.open("ab")) if isinstance(order.log, Path) else order.log
        return subprocess.Popen(
            [*_QUICK_PYTHON, str(_HERE / "launcher.py"), json.dumps(instructions)],
            env=order.env,
            cwd=order.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[report],
            start_new_session=True,
        )


class ProcessTable:
    """Implements ``Processes``; ``close`` ends every child that still runs."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._children: dict[int, RunningChild] = {}  # those not known to have ended, by process id
        self._lock = threading.Lock()
        self._closed = False
        self._no_more_orders = threading.Event()
        self._may_end = threading.Event()
        self._reaper = _Reaper()
        self._spawner = threading.Thread(target=self._spawn_orders, name="spawner", daemon=True)
        self._spawner.start()

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path | IO[bytes],
        mounts: Mapping[str, Path] | None = None,
    ) -> RunningChild:
        """Start ``argv`` and return once it runs; raises ChildStartError with the reason when it cannot.

        ``mounts`` are private bind mounts, target → directory. The child sees them, nobody else does.
        """
        order = _Order(
            argv=tuple(argv),
            env=dict(env),
            cwd=cwd,
            log=log,
            mounts={target: str(source) for target, source in (mounts or {}).items()},
            result=Future(),
        )
        with self._lock:
            if self._closed:
                raise ChildStartError("the local AWS is stopping")
            self._orders.put(order)
        return order.result.result()

    def close(self) -> None:
        """Stop all children and the two helpers; further starts are refused."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._orders.put(None)
        self._no_more_orders.wait()
        children = list(self._children.values())
        for child in children:
            if child.poll() is None:
                signal_group(child.pid, signal.SIGTERM)
        for child in children:
            child.stop()
        self._may_end.set()
        self._spawner.join()
        self._reaper.dismiss()

    def _spawn_orders(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                child = self._spawn(order)
            except ChildStartError as error:
                order.result.set_exception(error)
            except OSError as error:
                order.result.set_exception(ChildStartError(f"{order.argv[0]}: {error}"))
            else:
                order.result.set_result(child)
        self._no_more_orders.set()
        self._may_end.wait()  # the end of this thread kills its children

    def _spawn(self, order: _Order) -> RunningChild:
        report, report_of_child = os.pipe()
        with os.fdopen(report, "rb") as problems:
            try:
                child = self._remember(_launch(order, report_of_child))
            finally:
                os.close(report_of_child)
            problem = problems.read().decode()  # ends, empty, at the moment of exec
        if problem:
            child.wait()
            raise ChildStartError(f"{order.argv[0]}: {problem}")
        return child

    def _remember(self, popen: subprocess.Popen[bytes]) -> RunningChild:
        for earlier in list(self._children.values()):
            earlier.poll()  # reaps those nobody asked about
        self._reaper.remember(popen.pid)
        child = self._children[popen.pid] = RunningChild(popen, self._forget)
        return child

    def _forget(self, child: RunningChild) -> None:
        self._reaper.forget(child.pid)
        self._children.pop(child.pid, None)


class _Reaper:
    """The process that kills what a killed server leaves behind."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [*_QUICK_PYTHON, str(_HERE / "reaper.py")],
            stdin=subprocess.PIPE,
            env={},
            cwd="/",
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def remember(self, group: int) -> None:
        self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._send(f"-{group}\n")

    def dismiss(self) -> None:
        with self._lock:
            self._pipe.close()
        self._process.wait()

    def _send(self, line: str) -> None:
        with self._lock:
            if not self._pipe.closed:
                self._pipe.write(line.encode())
                self._pipe.flush()

    @property
    def _pipe(self) -> IO[bytes]:
        pipe = self._process.stdin
        assert pipe is not None
        return pipe
