"""What a person can check on AWS holds of the local AWS: each fact is confirmed, and nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conformance.__main__ import main
from conformance.account import PREFIX, Pace
from conformance.facts import GROUPS
from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.tests.interpreters import INTERPRETERS

PACE = Pace(pause_seconds=0.2, silence_seconds=5, new_role_seconds=0, deadline_seconds=120, slow_request_seconds=3)
FACTS = [fact.name for group in GROUPS for fact in group.facts]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with (
        LocalAws(tmp_path_factory.mktemp("aws"), INTERPRETERS) as local,
        pytest.MonkeyPatch.context() as environment,
    ):
        local.context.choices.model_server_seconds = 1  # and not a minute: a slow request takes three seconds
        for name, value in client_environment(local.endpoint_url, local.region).items():
            environment.setenv(name, value)
        yield local


@pytest.fixture(scope="module")
def results(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Fact -> its result, of one run of all."""
    file = tmp_path_factory.mktemp("results") / "results.json"
    main(["--yes", "--json", str(file)], pace=PACE)
    return {each["fact"]: each for each in json.loads(file.read_text())}


@pytest.mark.parametrize("name", FACTS)
def test_the_local_aws_agrees_with(name: str, results: dict[str, dict[str, str]]) -> None:
    assert results[name]["verdict"] == "confirmed", results[name]["seen"]


@pytest.mark.usefixtures("results")
def test_nothing_is_left(aws: LocalAws) -> None:
    sagemaker = aws.client("sagemaker")
    left = {
        "buckets": [each["Name"] for each in aws.client("s3").list_buckets()["Buckets"]],
        "roles": [each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]],
        "queues": aws.client("sqs").list_queues().get("QueueUrls", []),
        "topics": aws.client("sns").list_topics()["Topics"],
        "rules": aws.client("events").list_rules()["Rules"],
        "alarms": aws.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "endpoints": sagemaker.list_endpoints()["Endpoints"],
        "configs": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "models": sagemaker.list_models()["Models"],
        "groups": sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        "pipelines": sagemaker.list_pipelines()["PipelineSummaries"],
    }
    assert {kind: found for kind, found in left.items() if PREFIX in json.dumps(found, default=str)} == {}


def test_it_says_the_cost_and_does_nothing_without_a_yes(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    calls = len(aws.recorded.calls())
    assert main([], pace=PACE, answer=lambda _question: "") == 2
    printed = capsys.readouterr().out
    assert "at most $0." in printed
    assert "Nothing was done." in printed
    assert [call.operation for call in aws.recorded.calls()[calls:]] == ["GetCallerIdentity"]
