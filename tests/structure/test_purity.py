"""Which code can reach AWS: one module makes clients, adapters call them, and decisions know nothing of either."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "sluice"

AWS_LIBRARIES = {"boto3", "botocore", "s3transfer", "urllib3", "aws_lambda_powertools"}
NETWORK = {"socket", "ssl", "http.client", "subprocess"}

MAY_IMPORT = {
    "layers/sluice/sluice/aws/clients.py": {"boto3", "botocore"},
    "layers/sluice/sluice/telemetry/powertools.py": {"aws_lambda_powertools"},
    "layers/sluice/sluice/telemetry/tracing.py": {"aws_lambda_powertools"},
    # Partial failures of batches from SQS, by Powertools: what handlers call.
    "layers/sluice/sluice/aws/sqs_batch.py": {"aws_lambda_powertools"},
    # No call: which instance types there are is read from the data that botocore comes with.
    "cli/apply/instance_types.py": {"botocore"},
}
"""The only modules that import AWS's libraries, beside handlers that take Powertools' batch processing."""

DECISIONS = (
    "sluice.aws.metric_data",
    "sluice.async_inference.failure_classification",
    "sluice.async_inference.inference",
    "sluice.async_inference.transitions",
    "sluice.data_contract",
    "sluice.endpoint.deployment_config",
    "sluice.endpoint.scaling_requests",
    "sluice.endpoint.scaling_rules",
    "sluice.endpoint.state",
    "sluice.errors",
    "sluice.events",
    "sluice.names",
    "sluice.pipeline_runs.run",
    "sluice.rollout.ab_outcomes.outcome",
    "sluice.rollout.analysis",
    "sluice.rollout.batch.comparison",
    "sluice.rollout.gates.freeze_windows",
    "sluice.rollout.model.plan",
    "sluice.rollout.model.record",
    "sluice.rollout.planning.planner",
    "sluice.rollout.traffic.endpoint_configs",
    "sluice.rollout.traffic.reconcile",
    "sluice.rollout_id",
    "sluice.spec",
    "sluice.stored",
    "sluice.training.run_slot",
    "sluice.transform.request",
)
"""Modules, and packages with all they hold, that decide from their arguments alone."""

NO_DECISIONS = {"sluice.spec.parameter_store", "sluice.rollout.analysis.ports"}
"""What these packages hold besides: an adapter, and protocols, which no other module loads."""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(LAYER).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted((LAYER / "sluice").rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """What is imported at run time, anywhere in a module: ``if TYPE_CHECKING`` is for readers and mypy."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom):
        yield tree.module or ""
        yield from (f"{tree.module}.{alias.name}" for alias in tree.names)
    for child in ast.iter_child_nodes(tree):
        yield from imports(child)


def graph() -> Mapping[str, set[str]]:
    return {name: set(imports(ast.parse(path.read_text()))) for name, path in MODULES.items()}


def reached(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """All that is loaded with a module, by the names in its imports and theirs."""
    found: set[str] = set()
    left = {start}
    while left:
        found |= left
        left = {name for each in left for name in edges.get(each, ())} - found
    return found - {start}


def is_library(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in AWS_LIBRARIES


def doors() -> set[str]:
    """The modules of the layer that import a library of AWS."""
    return {name for name, path in MODULES.items() if str(path.relative_to(ROOT)) in MAY_IMPORT}


def decisions() -> list[str]:
    missing = [each for each in DECISIONS if each not in MODULES]
    assert missing == [], "a module has moved: this test does not see it any more"
    return [
        name
        for name in MODULES
        if name not in NO_DECISIONS and any(name == each or name.startswith(f"{each}.") for each in DECISIONS)
    ]


@pytest.mark.parametrize("folder", ["layers/sluice/sluice", "functions", "cli"])
def test_libraries_of_aws_are_imported_in_one_place_each(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT)): libraries
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (libraries := {each.split(".")[0] for each in imports(ast.parse(path.read_text())) if is_library(each)})
    }
    if folder == "functions":
        assert all(libraries == {"aws_lambda_powertools"} for libraries in found.values())
    else:
        assert found == {path: libraries for path, libraries in MAY_IMPORT.items() if path.startswith(folder)}


def test_only_the_bootstrap_loads_what_loads_a_library_of_aws() -> None:
    edges = graph()
    impure = {name for name in MODULES if any(map(is_library, reached(name, edges)))}
    assert {name for name in impure - doors() if not name.startswith("sluice.bootstrap")} == set()


def test_decisions_reach_no_adapter() -> None:
    edges = graph()
    adapters = {name for name, path in MODULES.items() if "self._client" in path.read_text()}
    assert len(adapters) > 10, "adapters look different now: this test sees nothing"
    wrong = {name: found for name in decisions() if (found := reached(name, edges) & adapters)}
    assert wrong == {}


def loaded_with(modules: list[str]) -> set[str]:
    """What a fresh interpreter has loaded after it has imported these."""
    code = f"import sys\nfor name in {modules!r}: __import__(name)\nprint(*sys.modules)"
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = [{str(LAYER)!r}]\n{code}"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_a_fresh_interpreter_loads_no_library_of_aws_with_the_layer() -> None:
    """Without site-packages, so that there is none to load: what tries to, fails."""
    ours = [name for name in MODULES if name not in doors() and not name.startswith("sluice.bootstrap")]
    assert {name for name in loaded_with(ours) if is_library(name)} == set()


def test_a_fresh_interpreter_loads_no_network_with_the_decisions() -> None:
    loaded = loaded_with(decisions())
    assert set(decisions()) <= loaded
    assert loaded & NETWORK == set()


@pytest.mark.parametrize(
    ("task", "later"),
    [
        (
            "sluice.training.intake_batch",
            {"sluice.training.quarantine", "sluice.aws.s3_copy", "sluice.aws.concurrency"},
        ),
        ("sluice.sweep.sweep", {"sluice.sweep.progress", "sluice.aws.dynamodb"}),
    ],
)
def test_a_task_does_not_load_adapters_that_an_invocation_may_not_need(task: str, later: set[str]) -> None:
    """What is imported with a handler lengthens each of its cold starts."""
    assert later <= MODULES.keys(), "a module has moved: this test does not see it any more"
    assert reached(task, graph()) & later == set()
