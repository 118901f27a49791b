"""The rehearsal deploys the stages that the README deploys, and can deploy a changed copy of what was built."""

from __future__ import annotations

from pathlib import Path

from rehearsal.deploy import BUILT, copy_build, stages

ROOT = Path(__file__).parents[3]


def test_the_stages_are_those_of_the_configuration() -> None:
    assert stages(ROOT) == ["dev", "prod"]


def test_a_copy_has_all_that_a_deployment_reads(tmp_path: Path) -> None:
    repo, copy = tmp_path / "repo", tmp_path / "copy"
    for name in (f"{BUILT}/template.yaml", f"{BUILT}/AFunction/app.py", "statemachines/a.asl.json", "samconfig.toml"):
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(name)
    assert copy_build(repo, copy) == copy / BUILT
    assert {path.relative_to(copy) for path in copy.rglob("*")} == {path.relative_to(repo) for path in repo.rglob("*")}
