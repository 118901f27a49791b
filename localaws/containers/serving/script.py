"""Script mode: the user's own ``inference.py`` handles each request.

Mirrors the image's toolkit, including what surprises: whatever a user's function raises, for an unsupported
format too, is a 500; and a request without Content-Type or Accept counts as JSON.
"""

import csv
import importlib
import inspect
import io
import json
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .contract import CSV, JSON, InferenceRequest, Reply, media_type
from .lean_import import import_xgboost
from .source import SubmittedCode

NPY = "application/x-npy"

TOOLKIT = types.ModuleType("sagemaker_containers._content_types")
"""The module in which the image's toolkit keeps which content types it decodes; a user's module may change that."""

TOOLKIT.UTF8_TYPES = [JSON, CSV]  # type: ignore[attr-defined]


class ScriptMode:
    """Serves through the functions of the user's module, each of which has a default."""

    def __init__(self, *, program: str, source: SubmittedCode, model_dir: Path, default_accept: str) -> None:
        self._program = program
        self._source = source
        self._model_dir = model_dir
        self._default_accept = default_accept
        self._answer: Callable[[Any, str, str], Any] | None = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Import the module and let it load its model; raises what they raise, and may be tried again."""
        with self._loading:
            if self._answer is None:
                self._answer = _answerer(self._import(), self._model_dir)

    def invoke(self, request: InferenceRequest) -> Reply:
        """Run the user's functions on one request."""
        self.load()
        assert self._answer is not None
        content_type = request.content_type or JSON
        accept = self._default_accept if request.accept in (None, "", "*/*") else request.accept
        # sagemaker_containers 2.8.6, Request.content: only exactly these; Werkzeug 3.1, Request.get_data(as_text=True):
        # as UTF-8 whatever the client sent, with a replacement character for what is not.
        is_text = content_type in TOOLKIT.UTF8_TYPES
        content = request.body.decode(errors="replace") if is_text else request.body
        return _as_reply(self._answer(content, content_type, accept))

    def execution_parameters(self) -> Reply:
        """The image answers this in algorithm mode only."""
        return Reply(404)

    def _import(self) -> Any:
        name = self._program.removesuffix(".py")
        if not name:
            raise ValueError("Empty module name")
        directory = self._source.directory()
        if (directory / "requirements.txt").exists():
            print("requirements.txt is not installed here; the image would", flush=True)
        import_xgboost(directory.rglob("*.py"))
        if str(directory) not in sys.path:
            sys.path.insert(0, str(directory))
        package = types.ModuleType("sagemaker_containers")
        package._content_types = TOOLKIT  # type: ignore[attr-defined]
        sys.modules.setdefault(package.__name__, package)
        sys.modules.setdefault(TOOLKIT.__name__, TOOLKIT)
        return importlib.import_module(name)


def _answerer(module: Any, model_dir: Path) -> Callable[[Any, str, str], Any]:
    given = {name: getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
    transform = getattr(module, "transform_fn", None)
    if transform and any(given.values()):
        raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
    model = getattr(module, "model_fn", default_model_fn)(str(model_dir))
    if transform:
        return lambda content, content_type, accept: transform(model, content, content_type, accept)
    decode = given["input_fn"] or default_input_fn
    predict = given["predict_fn"] or default_predict_fn
    encode = given["output_fn"] or default_output_fn

    def answer(content: Any, content_type: str, accept: str) -> Any:
        return encode(predict(decode(content, content_type), model), accept)

    return answer


def default_model_fn(model_dir: str) -> Any:
    """There is none: raises NotImplementedError."""
    raise NotImplementedError(f"Please provide a model_fn implementation. The model is in {model_dir}")


def default_input_fn(content: Any, content_type: str) -> Any:
    """CSV to a DMatrix; raises ValueError for other content (the image also knows libsvm and recordio)."""
    if media_type(content_type) != CSV:
        raise ValueError(f"Content type {content_type} is not supported by this framework.")
    from .table import csv_to_matrix  # imports xgboost, which the user's own functions may do without

    return csv_to_matrix(content.decode() if isinstance(content, bytes) else content)


def default_predict_fn(data: Any, model: Any) -> Any:
    """The model's own ``predict``, without comparing feature names when it is a Booster."""
    if "validate_features" in inspect.signature(model.predict).parameters:
        return model.predict(data, validate_features=False)
    return model.predict(data)


def default_output_fn(prediction: Any, accept: str) -> tuple[Any, str]:
    """JSON, CSV or NumPy's format; raises ValueError for anything else."""
    if accept == JSON:
        return json.dumps(np.asarray(prediction).tolist()), JSON
    if accept == CSV:
        table = np.asarray(prediction)
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(table.reshape(len(table), -1).tolist())
        return out.getvalue(), CSV
    if accept == NPY:
        binary = io.BytesIO()
        np.save(binary, prediction)
        return binary.getvalue(), NPY
    raise ValueError(f"Content type {accept} is not supported by this framework.")


def _as_reply(result: Any) -> Reply:
    """A body, or a body and its type. The image's web framework calls a bare body HTML, so this does."""
    body, kind = result if isinstance(result, tuple) else (result, "text/html")
    if not isinstance(body, str | bytes):
        raise TypeError(f"The view function did not return a valid response: {type(body).__name__}")
    charset = "; charset=utf-8" if kind.startswith("text/") and "charset" not in kind else ""
    return Reply(200, body.encode() if isinstance(body, str) else body, kind + charset)
