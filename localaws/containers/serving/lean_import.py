"""Imports xgboost without the large packages that it merely looks for, where nobody can tell.

The image has pandas and scikit-learn. xgboost imports both if they are there, which takes longer than everything else a
container does until it answers. Code that mentions neither cannot notice that xgboost has not seen them.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

_OPTIONAL = ("pandas", "sklearn")
# What leads to them: their names, what of xgboost needs them, and whatever brings modules along that nobody sees.
_LEADS_THERE = re.compile(r"pandas|sklearn|XGB[A-Z]|\bcv\(|plot_|to_graphviz|pickle|joblib|import_module|__import__")


def import_xgboost(code: Iterable[Path]) -> None:
    """Import xgboost for ``code``, the files of a user; with no file the image's own algorithm uses it."""
    if any(_LEADS_THERE.search(file.read_text(errors="replace")) for file in code):
        return  # the code imports xgboost itself, with all that belongs to it
    absent = {name: None for name in _OPTIONAL if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # None means: not there
    try:
        import xgboost  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]
