"""Finds the output of each input file among what a transform job has written. Pure.

One example alone shows how SageMaker names an output below the output folder; it keeps a part of the input's prefix:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html. So no name is assumed beyond the
``.out`` at its end: whatever folders lie between the output folder and the files are taken as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

_SUFFIX = ".out"


def match_outputs(inputs: Sequence[str], output: str, found: Iterable[str]) -> dict[str, str]:
    """The key of the output by input, without those that have none.

    Args:
        inputs: paths of the input files below their folder, such as ``2026/may.csv``.
        output: the job's output folder, with a slash at its end.
        found: the keys below it.
    """
    written = {key.removeprefix(output).removesuffix(_SUFFIX): key for key in found if key.endswith(_SUFFIX)}
    between = _folders_between(frozenset(inputs), written)
    matched = {path: written[between + path] for path in inputs if between + path in written}
    return matched | _by_name(
        [path for path in inputs if path not in matched], set(written.values()) - set(matched.values())
    )


def _folders_between(inputs: frozenset[str], written: Mapping[str, str]) -> str:
    """What most outputs have before the path of an input: nothing, or folders with a slash at their end."""
    votes = Counter(before for path in written for before, rest in _splits(path) if rest in inputs)
    return max(votes, key=lambda before: (votes[before], -len(before)), default="")


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """``("", "a/b")`` and ``("a/", "b")`` for ``a/b``."""
    yield "", path
    for position, character in enumerate(path):
        if character == "/":
            yield path[: position + 1], path[position + 1 :]


def _by_name(inputs: Iterable[str], outputs: Iterable[str]) -> dict[str, str]:
    """Those of the rest whose file names occur once on both sides: their folders were left out."""
    paths, keys = defaultdict(list), defaultdict(list)
    for path in inputs:
        paths[path.rpartition("/")[2]].append(path)
    for key in outputs:
        keys[key.rpartition("/")[2].removesuffix(_SUFFIX)].append(key)
    return {paths[name][0]: keys[name][0] for name in paths if len(paths[name]) == len(keys[name]) == 1}
