"""The program that plays the XGBoost image, over HTTP and without the rest of the local AWS."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from localaws.containers import SERVE
from localaws.runtime.process import ProcessTable
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import CONTAINER_PYTHON, unpacked
from localaws.tests.contract.services.sagemaker.endpoints.stage import eventually

ROW = "0.1,0.2,0.3"


@dataclass(frozen=True)
class Got:
    """One HTTP answer."""

    status: int
    content_type: str
    text: str


@dataclass(frozen=True)
class Served:
    """A container that runs."""

    port: int
    log: Path

    def get(self, path: str) -> Got:
        return self._exchange("GET", path, None, {})

    def post(self, body: str | bytes, **headers: str) -> Got:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._exchange("POST", "/invocations", body if isinstance(body, bytes) else body.encode(), named)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Got:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        got = Got(response.status, response.headers["Content-Type"], response.read().decode())
        connection.close()
        return got


@contextlib.contextmanager
def serving(base: Path, artifact: bytes, **environment: str) -> Iterator[Served]:
    """Serve an artifact with this environment until the end of the block."""
    unpacked(artifact, base / "model")
    port_file, log = base / "port", base / "log"
    processes = ProcessTable()
    child = None
    try:
        child = processes.start(
            [str(CONTAINER_PYTHON), str(SERVE), "--port=0", f"--port-file={port_file}"],
            env={"SAGEMAKER_BASE_DIR": str(base), "PATH": os.defpath, **environment},
            cwd=base,
            log=log,
        )
        eventually(port_file.exists, bool)
        yield Served(int(port_file.read_text()), log)
    finally:
        if child:
            child.stop()
        processes.close()


@pytest.fixture(scope="module")
def algorithm(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("algorithm"), artifacts["low"]) as served:
        yield served


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("script")
    code = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": str(base / "model" / "code")}
    with serving(base, artifacts["script-low"], **code) as served:
        yield served


def test_it_is_healthy_and_says_how_it_wants_to_be_used(algorithm: Served) -> None:
    assert algorithm.get("/ping").status == 200
    parameters = algorithm.get("/execution-parameters")
    assert (parameters.status, parameters.content_type) == (200, "application/json")
    assert json.loads(parameters.text)["BatchStrategy"] == "MULTI_RECORD"
    assert algorithm.get("/elsewhere").status == 404


@pytest.mark.parametrize("accept", [None, "*/*", "text/csv"])
def test_scores_are_lines_of_csv(algorithm: Served, accept: str | None) -> None:
    got = algorithm.post(f"{ROW}\n{ROW}\n", Content_Type="text/csv", **({"Accept": accept} if accept else {}))
    first, second, end = got.text.split("\n")
    assert (got.status, end) == (200, "")
    assert got.content_type.startswith("text/csv")
    assert float(first) == float(second)


def test_scores_are_json_when_asked_for(algorithm: Served) -> None:
    got = algorithm.post(ROW, Content_Type="text/csv", Accept="application/json")
    score = float(algorithm.post(ROW, Content_Type="text/csv").text)
    assert json.loads(got.text) == {"predictions": [{"score": score}]}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param("", {"Content_Type": "text/csv"}, 204, id="nothing"),
        pytest.param("age,income,score", {"Content_Type": "text/csv"}, 415, id="a header row"),
        pytest.param("1,2,3\n1,2", {"Content_Type": "text/csv"}, 415, id="rows of different length"),
        pytest.param("[1,2,3]", {"Content_Type": "application/json"}, 415, id="JSON"),
        pytest.param(ROW, {"Content_Type": "text/csv", "Accept": "image/png"}, 406, id="unknown Accept"),
        pytest.param("1,2", {"Content_Type": "text/csv"}, 200, id="a column too few is not noticed"),
        pytest.param("1,2,3,4", {"Content_Type": "text/csv"}, 400, id="a column too many is"),
        pytest.param("1,,3", {"Content_Type": "text/csv"}, 200, id="a missing value"),
        pytest.param("1;2;3", {"Content_Type": "text/csv"}, 200, id="another delimiter"),
        pytest.param(ROW, {"Content_Type": "text/csv; charset=utf-8"}, 200, id="a content type with charset"),
        pytest.param(ROW, {}, 200, id="CSV is the default"),
    ],
)
def test_statuses_of_the_built_in_algorithm(algorithm: Served, body: str, headers: dict[str, str], status: int) -> None:
    assert algorithm.post(body, **headers).status == status


def test_the_users_functions_answer(script: Served) -> None:
    assert script.get("/ping").status == 200
    got = script.post(ROW, Content_Type="text/csv")
    pid, score = got.text.split()
    assert int(pid) > 0
    assert 0 < float(score) < 3
    assert got.content_type == "text/plain; charset=utf-8"


def test_what_the_users_functions_raise_is_a_500_and_in_the_log(script: Served) -> None:
    assert script.post("1,2,-3", Content_Type="text/csv").status == 500
    assert "ValueError: negative value in a row" in script.log.read_text()
    assert script.post(ROW).status == 500  # no Content-Type counts as JSON, which this code does not take
    assert script.post(ROW, Content_Type="text/csv").status == 200


def test_only_errors_are_logged(algorithm: Served) -> None:
    algorithm.post("not a number", Content_Type="text/csv")
    before = algorithm.log.read_text()
    assert "could not convert string to float" in before
    algorithm.post(ROW, Content_Type="text/csv")
    assert algorithm.log.read_text() == before


@pytest.mark.parametrize(
    ("artifact", "program", "cause"),
    [
        pytest.param("script-broken", "inference.py", "ModuleNotFoundError", id="an import fails"),
        pytest.param("low", "", "ValueError: Empty module name", id="an empty program name"),
        pytest.param("low", "absent.py", "No module named 'absent'", id="no such program"),
        pytest.param("not-a-model", None, "XGBoostError", id="not a model"),
    ],
)
def test_a_container_that_cannot_load_is_not_healthy(
    tmp_path: Path, artifacts: dict[str, bytes], artifact: str, program: str | None, cause: str
) -> None:
    environment = {} if program is None else {"SAGEMAKER_PROGRAM": program}
    with serving(tmp_path, artifacts[artifact], **environment) as served:
        assert served.get("/ping").status == 500
        assert cause in served.log.read_text()


ECHO = b"""
def model_fn(model_dir):
    return "model"

def transform_fn(model, body, content_type, accept):
    return ascii(body)
"""
DEFAULTS = b"""
import os, xgboost as xgb

def model_fn(model_dir):
    return xgb.Booster(model_file=os.path.join(model_dir, "xgboost-model"))
"""
WHOLE = b"""
def model_fn(model_dir):
    return "model"

def transform_fn(model, body, content_type, accept):
    return f"{model} {type(body).__name__} {content_type} {accept}"
"""


@pytest.mark.parametrize(
    ("accept", "begin"),
    [("text/csv", "0."), ("application/json", "[0."), (None, "[0.")],
)
def test_defaults_of_script_mode(tmp_path: Path, artifacts: dict[str, bytes], accept: str | None, begin: str) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_bytes(DEFAULTS)
    with serving(tmp_path, artifacts["low"], SAGEMAKER_PROGRAM="inference") as served:
        headers = {"Accept": accept} if accept else {}
        got = served.post(ROW, Content_Type="text/csv", **headers)
        assert (got.status, got.text[: len(begin)]) == (200, begin)
        assert served.post(ROW, Content_Type="text/csv", Accept="image/png").status == 500


def test_one_function_may_do_it_all(tmp_path: Path, artifacts: dict[str, bytes]) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_bytes(WHOLE)
    with serving(tmp_path, artifacts["low"], SAGEMAKER_PROGRAM="inference.py") as served:
        got = served.post("x", Content_Type="text/csv", Accept="text/csv")
        assert (got.text, got.content_type) == ("model str text/csv text/csv", "text/html; charset=utf-8")
        assert served.post("x", Content_Type="image/png").text == "model bytes image/png application/json"


def test_a_request_is_stopped_after_the_time_that_the_environment_allows(
    tmp_path: Path, artifacts: dict[str, bytes]
) -> None:
    script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}
    with serving(tmp_path, artifacts["script-hangs"], **script) as served:
        assert served.get("/ping").status == 200
        got = served.post(ROW, Content_Type="text/csv")
        assert (got.status, got.content_type) == (504, "text/html")
        assert served.get("/ping").status == 200, "it serves on"


def test_only_a_bare_content_type_is_decoded_and_then_as_utf_8_whatever_came(
    tmp_path: Path, artifacts: dict[str, bytes]
) -> None:
    """As in sagemaker_containers 2.8.6 with Werkzeug 3.1, which the image 3.0-5 has."""
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_bytes(ECHO)
    with serving(tmp_path, artifacts["low"], SAGEMAKER_PROGRAM="inference") as served:
        latin = "1,Süd".encode("latin-1")
        assert served.post(latin, Content_Type="text/csv").text == r"'1,S\ufffdd'"
        assert served.post(latin, Content_Type="text/csv; charset=latin-1").text == r"b'1,S\xfcd'"
        assert served.post("1,Süd", Content_Type="application/json").text == r"'1,S\xfcd'"


IMPORTS = b"""
import sys
import xgboost

def model_fn(model_dir):
    return None

def transform_fn(*_given):
    return ",".join(sorted(name for name in sys.modules if name in ("pan" + "das", "skl" + "earn")))
"""
WITH_SKLEARN = b"""
import boto3
import pandas, xgboost

def model_fn(model_dir):
    return xgboost.XGBRegressor(n_estimators=1)

def transform_fn(model, *_given):
    model.fit(pandas.DataFrame({"a": [1.0, 2.0]}), [1.0, 2.0])
    return f"{len(model.get_params()) > 0} {boto3.__version__}"
"""


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        pytest.param(WITH_SKLEARN, "True 1.38.0", id="code that uses them has pandas, scikit-learn and boto3"),
        pytest.param(IMPORTS, "", id="code that does not mention them does not wait for their import"),
    ],
)
def test_the_image_has_the_packages_of_the_image(
    tmp_path: Path, artifacts: dict[str, bytes], code: bytes, answer: str
) -> None:
    (tmp_path / "model" / "code").mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_bytes(code)
    with serving(tmp_path, artifacts["low"], SAGEMAKER_PROGRAM="inference.py") as served:
        got = served.post(ROW, Content_Type="text/csv")
        assert (got.status, got.text) == (200, answer), served.log.read_text()
