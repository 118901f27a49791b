"""The local AWS is a product of its own: it knows nothing of what is deployed on it, and its packages have an order."""

from __future__ import annotations

from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

from tests.builders.import_graph import ROOT, import_graph, imported, modules

LOCALAWS = ROOT / "localaws"
# Words of the application that is deployed on it here.
FOREIGN_WORDS = ("sluice", "rehears", "fraud")
FOREIGN_PACKAGES = {"sluice", "functions", "cli", "pipelines", "rehearsal", "tests"}

# What each package may import, from the lowest to the highest: a package knows only packages above it in this list. A
# module in the folder itself, such as ``context``, is a package of its own.
ARROWS: dict[str, set[str]] = {
    "aws_cli": set(),
    "preflight": set(),
    "choices": set(),
    "quotas": set(),
    "context": {"choices", "quotas"},
    "containers": set(),
    "containers.serving": set(),
    "containers.startup": set(),
    "containers.training": set(),
    "service_api": set(),
    "services.cloudformation.template": set(),
    "services.cloudwatch.metric_math": set(),
    "runtime": {"context"},
    "services.lambda_.logs": {"context"},
    "iam": set(),
    "services.lambda_.functions": {"context", "service_api"},
    "services.sagemaker.resources": {"context", "service_api"},
    "services.cloudformation.resources": {"services.cloudformation.template"},
    "services.cloudwatch.metrics": {"service_api", "services.cloudwatch.metric_math"},
    "services.logs": {"service_api"},
    "iam.permissions": {"iam", "service_api"},
    "services.events": {"context", "iam", "runtime", "service_api"},
    "services.lambda_.environments": {"context", "service_api", "services.lambda_.functions"},
    "services.sagemaker.models": {"context", "service_api", "services.sagemaker.resources"},
    "services.sagemaker.registry": {"context", "quotas", "service_api", "services.sagemaker.resources"},
    "services.cloudformation.execution": {
        "services.cloudformation.resources",
        "services.cloudformation.template",
    },
    "services.sagemaker.search": {"context", "service_api", "services.sagemaker.resources"},
    "services.cloudformation": {
        "context",
        "service_api",
        "services.cloudformation.execution",
        "services.cloudformation.resources",
        "services.cloudformation.template",
    },
    "services.cloudwatch.alarms": {
        "context",
        "iam",
        "service_api",
        "services.cloudwatch.metric_math",
        "services.cloudwatch.metrics",
    },
    "gateway": {"iam", "iam.permissions", "service_api"},
    "services.autoscaling": {"context", "service_api", "services.events"},
    "services.scheduler": {"context", "runtime", "service_api", "services.events"},
    "services.lambda_.invocations": {
        "context",
        "runtime",
        "service_api",
        "services.lambda_.environments",
        "services.lambda_.functions",
        "services.lambda_.logs",
    },
    "services.sagemaker.containers": {
        "choices",
        "containers",
        "context",
        "service_api",
        "services.sagemaker.models",
        "services.sagemaker.resources",
    },
    "services.sagemaker.endpoint_state": {
        "context",
        "quotas",
        "service_api",
        "services.sagemaker.models",
        "services.sagemaker.resources",
    },
    "services.cloudwatch": {"context", "service_api", "services.cloudwatch.alarms", "services.cloudwatch.metrics"},
    "moto": {"choices", "context", "gateway", "iam", "service_api", "services.logs"},
    "services": {"gateway", "iam", "service_api"},
    "services.lambda_.event_sources": {
        "context",
        "service_api",
        "services.events",
        "services.lambda_.functions",
        "services.lambda_.invocations",
    },
    "services.sagemaker.jobs": {
        "containers",
        "context",
        "service_api",
        "services.sagemaker.containers",
        "services.sagemaker.resources",
    },
    "services.sagemaker.pipelines": {
        "context",
        "service_api",
        "services.sagemaker.containers",
        "services.sagemaker.resources",
    },
    "services.sagemaker.async_inference": {
        "context",
        "services.sagemaker.containers",
        "services.sagemaker.endpoint_state",
    },
    "services.sagemaker.fleets": {
        "context",
        "runtime",
        "services.sagemaker.containers",
        "services.sagemaker.endpoint_state",
        "services.sagemaker.models",
        "services.sagemaker.resources",
    },
    "services.lambda_": {
        "context",
        "service_api",
        "services.lambda_.environments",
        "services.lambda_.event_sources",
        "services.lambda_.functions",
        "services.lambda_.invocations",
        "services.lambda_.logs",
    },
    "services.sagemaker.transform": {
        "runtime",
        "service_api",
        "services.sagemaker.containers",
        "services.sagemaker.jobs",
        "services.sagemaker.models",
    },
    "services.sagemaker": {
        "context",
        "service_api",
        "services.sagemaker.jobs",
        "services.sagemaker.pipelines",
        "services.sagemaker.registry",
        "services.sagemaker.resources",
        "services.sagemaker.search",
    },
    "services.sagemaker.endpoints": {
        "context",
        "service_api",
        "services.sagemaker.async_inference",
        "services.sagemaker.endpoint_state",
        "services.sagemaker.fleets",
        "services.sagemaker.models",
        "services.sagemaker.resources",
    },
    "services.sagemaker.runtime": {
        "context",
        "service_api",
        "services.sagemaker.async_inference",
        "services.sagemaker.containers",
        "services.sagemaker.endpoint_state",
        "services.sagemaker.endpoints",
        "services.sagemaker.fleets",
        "services.sagemaker.resources",
    },
    "timing": {"services.autoscaling", "services.sagemaker.fleets", "services.sagemaker.runtime"},
    "default_services": {
        "context",
        "service_api",
        "services",
        "services.autoscaling",
        "services.cloudformation",
        "services.cloudwatch",
        "services.events",
        "services.lambda_",
        "services.sagemaker",
        "services.sagemaker.endpoints",
        "services.sagemaker.jobs",
        "services.sagemaker.runtime",
        "services.sagemaker.transform",
        "services.scheduler",
        "timing",
    },
    "local_aws": {
        "context",
        "default_services",
        "gateway",
        "iam",
        "iam.permissions",
        "moto",
        "runtime",
        "service_api",
        "services",
        "services.logs",
    },
    "operations": {"context", "local_aws", "moto"},
    "serve": {
        "context",
        "default_services",
        "iam",
        "local_aws",
        "preflight",
        "services.cloudformation",
        "services.cloudformation.resources",
        "timing",
    },
    "__main__": {"context", "preflight", "serve"},
}


def imports_by_package() -> dict[str, set[str]]:
    """The packages of the local AWS, each with the packages that its modules import."""
    known = modules("localaws")

    def package(module: str) -> str:
        is_room = known[module].name == "__init__.py" or module.count(".") == 1
        return (module if is_room else module.rpartition(".")[0]).removeprefix("localaws.")

    found: dict[str, set[str]] = defaultdict(set)
    for module, targets in import_graph("localaws").items():
        found[package(module)] |= {package(target) for target in targets} - {package(module)}
    del found["localaws"]
    return found


def test_a_room_imports_the_rooms_that_the_table_says() -> None:
    assert dict(imports_by_package()) == ARROWS


def test_rooms_are_listed_from_the_lowest_to_the_highest() -> None:
    TopologicalSorter(ARROWS).prepare()  # raises CycleError
    order = list(ARROWS)
    wrong = [
        f"{package} imports {target}"
        for package, targets in ARROWS.items()
        for target in targets
        if order.index(target) > order.index(package)
    ]
    assert wrong == []


def test_no_file_of_the_local_aws_has_a_word_of_the_application() -> None:
    files = [path for path in LOCALAWS.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) > 100, "the folder has moved: this test sees nothing"
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files
        for word in FOREIGN_WORDS
        if word.encode() in path.read_bytes().lower() or word in str(path.relative_to(ROOT)).lower()
    ]
    assert found == []


def test_the_local_aws_imports_nothing_of_the_application() -> None:
    """Its tests neither, or they could not go with it."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted(LOCALAWS.rglob("*.py"))
        for module in imported(path, {})
        if module.split(".")[0] in FOREIGN_PACKAGES
    ]
    assert wrong == []


def test_the_application_reaches_the_local_aws_from_its_rehearsal_and_tests_only() -> None:
    folders: tuple[Path, ...] = (ROOT / "layers", ROOT / "functions", ROOT / "cli", ROOT / "pipelines")
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        for module in imported(path, {})
        if module.split(".")[0] == "localaws"
    ]
    assert wrong == []
