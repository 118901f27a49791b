"""Nothing in the repository ties it to one machine or package index, and every lock is pinned by hash."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# Written in parts, or this file would hold what it forbids.
FOREIGN = [
    *(".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"))),
    *("-".join(parts) for parts in (("index", "url ="), ("-", "index", "url "), ("-", "extra", "index", "url"))),
    *("/".join(("", *parts, "")) for parts in (("work", "main"), ("work", "shared"), ("home", "user"))),
]
LOCKS = sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/requirements.txt")])
OVERRIDES = "authoring-overrides.txt"


def repository_files() -> list[Path]:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    found = [ROOT / name for name in names if name and (ROOT / name).is_file()]
    assert len(found) > 100, "git lists next to nothing: this test sees nothing"
    return found


def test_no_file_names_a_package_index_or_a_place_on_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in repository_files()
        for word in FOREIGN
        if word.encode() in path.read_bytes()
    ]
    assert found == []


@pytest.mark.parametrize("lock", [path for path in LOCKS if path.name != OVERRIDES], ids=lambda path: path.name)
def test_every_requirement_of_a_lock_is_pinned_by_hash(lock: Path) -> None:
    requirements = re.split(r"\n(?=\S)", lock.read_text().strip())
    pinned = re.compile(r"[A-Za-z0-9._\[\]-]+==\S+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n?)+")
    assert [text for text in requirements if not pinned.fullmatch(text)] == []


def test_every_lock_has_its_source() -> None:
    sources = {path.with_suffix(".txt") for path in ROOT.glob("requirements/*.in")}
    sources.add(ROOT / "layers" / "sluice" / "requirements.txt")
    assert {path for path in LOCKS if path.name != OVERRIDES} == sources


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_the_layer_is_tested_with_the_versions_that_it_ships() -> None:
    shipped = pins(ROOT / "layers" / "sluice" / "requirements.txt")
    installed = pins(ROOT / "requirements" / "dev.txt")
    assert {"aws-lambda-powertools", "aws-xray-sdk", "boto3", "botocore"} <= shipped.keys()
    assert {name: version for name, version in shipped.items() if installed.get(name, version) != version} == {}
    assert shipped.keys() - installed.keys() <= {"tzdata"}  # development machines have a database of time zones


def test_continuous_integration_calls_make_and_nothing_else() -> None:
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "make check", "make test"]
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
        runs = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
        assert runs
        assert [command for command in runs if not re.fullmatch(r"make [a-z-]+", command)] == []


def test_every_action_of_a_workflow_is_pinned_to_a_commit_and_keeps_no_credentials() -> None:
    """A tag can be moved to other code; what a checkout leaves in the work tree, every later step can read."""
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
        steps = [step for job in jobs for step in job["steps"] if "uses" in step]
        assert steps
        assert [
            step["uses"] for step in steps if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", step["uses"])
        ] == []
        checkouts = [step for step in steps if step["uses"].startswith("actions/checkout@")]
        assert [step for step in checkouts if step.get("with", {}).get("persist-credentials") is not False] == []
