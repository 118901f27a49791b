"""Acts on the nodes of a graph, each after those it depends on, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter


def walk(
    graph: Mapping[str, Collection[str]],
    act: Callable[[str], bool],
    *,
    at_once: int,
    goes_on: bool = False,
) -> list[str]:
    """Call ``act`` for each name once all that it depends on is done; the names for which it answered False.

    After a failure nothing more is begun; with ``goes_on``, only what depends on the failed is left out. What is
    under way is waited for in either case.
    """
    sorter = TopologicalSorter({name: sorted(dependencies) for name, dependencies in graph.items()})
    sorter.prepare()
    failed: list[str] = []
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(at_once) as pool:
        while True:
            if goes_on or not failed:
                running |= {pool.submit(act, name): name for name in sorter.get_ready()}
            else:
                running = {future: name for future, name in running.items() if not future.cancel()}
            if not running:
                return failed
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                if future.result():
                    sorter.done(name)
                else:
                    failed.append(name)


def reversed_graph(graph: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """What depends on each name: the graph in which things are taken down."""
    turned: dict[str, set[str]] = {name: set() for name in graph}
    for name, dependencies in graph.items():
        for dependency in dependencies:
            if dependency in turned:
                turned[dependency].add(name)
    return turned
