"""Imports xgboost without the large packages that it merely looks for, where nobody can tell.

The image has pandas and scikit-learn. xgboost imports both if they are there, which takes longer than everything else a
container does until it answers. Code that mentions neither cannot notice that xgboost has not seen them.
"""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

OPTIONAL = ("pandas", "sklearn")
# What leads to them: their names, what of xgboost needs them, and whatever brings modules along that nobody sees, which
# an import by names that are written out does not.
_WRITTEN_OUT = r"""(?:[\s,(\[]*["'][\w.]+["'])+[\s,)\]]*\)"""
_LEADS_THERE = re.compile(
    r"pandas|sklearn|XGB[A-Z]|\bcv\(|plot_|to_graphviz|pickle|joblib"
    rf"|(?:import_module|__import__)(?!{_WRITTEN_OUT})"
)


def import_xgboost(code: Iterable[Path]) -> None:
    """Import xgboost for ``code``, the files of a user; with no file the image's own algorithm uses it."""
    if leads_to_optional(file.read_text(errors="replace") for file in code):
        return  # the code imports xgboost itself, with all that belongs to it
    with without_optional():
        import xgboost  # noqa: F401


def leads_to_optional(texts: Iterable[str]) -> bool:
    """Whether code with these texts could notice what xgboost has not seen."""
    return any(_LEADS_THERE.search(text) for text in texts)


@contextlib.contextmanager
def without_optional() -> Iterator[None]:
    """What is imported meanwhile finds none of the optional packages, except those that are imported already."""
    absent = {name: None for name in OPTIONAL if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # None means: not there
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
