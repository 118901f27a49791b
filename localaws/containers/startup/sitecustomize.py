"""Has a job's script import xgboost without what its code cannot miss, as ``serving/lean_import.py`` does in serving.

Python imports a module of this name as it starts, from the folder that comes first in PYTHONPATH: this one. It takes
the folder off the path and the variable at once, imports the module that would have been found without it, and waits
until the script imports xgboost. Then it decides by the script's folder and all others that are on the path by then.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

_HERE = os.path.dirname(__file__)


class _Finder:
    """Stands before Python's own finders until xgboost is looked for."""

    def __init__(self, image: frozenset[str]) -> None:
        self._image = image  # where the interpreter's own modules are

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        if name != "xgboost":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        folders = [folder for folder in sys.path if folder not in self._image]
        if spec is not None and spec.loader is not None and folders and all(map(_is_of_a_script, folders)):
            _make_lean(spec.loader, folders)
        return spec


def _is_of_a_script(folder: str) -> bool:
    """Whether it can be read through: the working folder of a job is the root, and an archive is no folder."""
    return folder not in ("", os.sep) and os.path.isdir(folder)


def _make_lean(loader: Any, folders: list[str]) -> None:
    lean = _lean_import()
    given = " ".join([*sys.argv, *os.environ.values()])  # may name what is imported
    if any(name in given for name in lean.OPTIONAL) or lean.leads_to_optional(_texts(folders)):
        return

    def exec_module(module: object) -> None:
        del loader.exec_module
        with lean.without_optional():
            loader.exec_module(module)

    loader.exec_module = exec_module


def _texts(folders: list[str]) -> Iterator[str]:
    for top in folders:
        for folder, _, files in os.walk(top):
            for file in files:
                if file.endswith(".py"):
                    with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as text:
                        yield text.read()


def _lean_import() -> Any:
    """The module that serving containers use, which is on no path here; it stays out of ``sys.modules``."""
    path = os.path.join(os.path.dirname(_HERE), "serving", "lean_import.py")
    spec = importlib.util.spec_from_file_location("lean_import", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _install() -> None:
    rest = os.environ.pop("PYTHONPATH", "").removeprefix(_HERE).removeprefix(os.pathsep)
    if rest:
        os.environ["PYTHONPATH"] = rest
    sys.path.remove(_HERE)
    sys.meta_path.insert(0, _Finder(frozenset(sys.path).difference(rest.split(os.pathsep))))
    ours = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)  # the image's own, as this folder is off the path
    except ImportError:
        sys.modules[__name__] = ours  # Python wants one there


if __name__ == "sitecustomize":
    _install()
