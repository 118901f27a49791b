"""Steady traffic on an endpoint while a test does something to it."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from localaws.tests.contract.services.sagemaker.endpoints.stage import Stage

BIG = 10.0  # the model "high" answers above it, "low" below


@dataclass
class Traffic:
    """What the clients saw: ``answered`` counts "low" and "high", by the model that must have answered."""

    answered: Counter[str] = field(default_factory=Counter)
    problems: list[Exception] = field(default_factory=list)


@contextmanager
def traffic(stage: Stage, endpoint: str, *, clients: int = 2, row: str = "0.5,0.5,0.5") -> Iterator[Traffic]:
    """Clients that ask without pause for as long as the block runs."""
    seen, stop = Traffic(), threading.Event()

    def ask() -> None:
        while not stop.wait(0.01):
            try:
                answer, _ = stage.invoke(endpoint, row)
                seen.answered["high" if float(answer.split()[-1]) > BIG else "low"] += 1
            except (ClientError, BotoCoreError) as problem:
                seen.problems.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
