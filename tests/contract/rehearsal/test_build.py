"""The application is built when its sources have changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.build import BuildError, ensure_built

# Stands for the SAM CLI: counts its runs and leaves what a build leaves, or fails in words.
SAM = """#!/bin/sh
echo "$*" >> runs
if [ -f broken ]; then echo 'no such resource'; exit 1; fi
mkdir -p .aws-sam/build && cp template.yaml .aws-sam/build/
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    sam = tmp_path / ".venvs" / "sam" / "bin" / "sam"
    sam.parent.mkdir(parents=True)
    sam.write_text(SAM)
    sam.chmod(0o755)
    (tmp_path / "functions" / "plan").mkdir(parents=True)
    (tmp_path / "functions" / "plan" / "app.py").write_text("first")
    (tmp_path / "template.yaml").write_text("Resources: {}")
    return tmp_path


def runs(repo: Path) -> int:
    return len((repo / "runs").read_text().splitlines())


def lambda_python(folder: Path, exit_code: int) -> str:
    python = folder / "python-of-lambda"
    python.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    python.chmod(0o755)
    return str(python)


def test_nothing_is_built_twice(repo: Path) -> None:
    assert ensure_built(repo) == repo / ".aws-sam" / "build"
    ensure_built(repo)
    assert runs(repo) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("functions/plan/app.py", "second"),
        ("functions/plan/more.py", ""),
        ("template.yaml", "Resources: {A: 1}"),
    ],
)
def test_changed_sources_are_built_again(repo: Path, name: str, content: str) -> None:
    ensure_built(repo)
    (repo / name).write_text(content)
    ensure_built(repo)
    assert runs(repo) == 2


def test_what_python_leaves_behind_is_no_change(repo: Path) -> None:
    ensure_built(repo)
    (repo / "functions" / "plan" / "__pycache__").mkdir()
    (repo / "functions" / "plan" / "__pycache__" / "app.pyc").write_text("")
    ensure_built(repo)
    assert runs(repo) == 1


def test_with_lambdas_python_the_build_is_that_of_a_deployment(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_PYTHON", lambda_python(repo, 0))
    ensure_built(repo)
    assert (repo / "runs").read_text() == "build\n"


@pytest.mark.parametrize("python", ["/nowhere/python", "a version manager's that has none"])
def test_without_it_a_rehearsal_is_built_all_the_same_and_no_deployment_takes_it(
    repo: Path, python: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAMBDA_PYTHON", python if python.startswith("/") else lambda_python(repo, 127))
    ensure_built(repo)
    assert (repo / "runs").read_text() == "build --cache-dir .aws-sam/cache-without-bytecode\n"
    assert "built without bytecode, for rehearsals" in capfd.readouterr().err
    ensure_built(repo)
    assert runs(repo) == 1
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("LAMBDA_PYTHON", lambda_python(repo, 0))
    ensure_built(repo)
    assert (repo / "runs").read_text().splitlines()[1:] == ["build"], "as soon as there is one"


def test_a_failed_build_says_why_and_is_tried_again(repo: Path) -> None:
    ensure_built(repo)
    (repo / "functions" / "plan" / "app.py").write_text("second")
    (repo / "broken").touch()
    with pytest.raises(BuildError, match="exit code 1:\nno such resource"):
        ensure_built(repo)
    (repo / "broken").unlink()
    ensure_built(repo)
    assert runs(repo) == 3
