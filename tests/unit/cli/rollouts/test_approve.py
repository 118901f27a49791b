"""``sluice approve`` and ``reject`` write a person's word on a version that exists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.main import command_line
from tests.builders.fake_aws import BUCKET, FakeAws

GROUP = "sluice-dev-fraud"


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.sagemaker.groups.add(GROUP)
    quality = {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/p/evaluation.json"}}
    aws.sagemaker.register(GROUP, 1, "Approved")
    aws.sagemaker.register(GROUP, 2, ModelMetrics={"ModelQuality": quality})
    report = {"regression_metrics": {"mse": {"value": 4.25, "standard_deviation": 1.5}}}
    aws.s3.objects["p/evaluation.json"] = json.dumps(report).encode()
    return aws


def run(aws: FakeAws, *words: str, output: str = "text") -> int:
    arguments = command_line({}).parse_args(words)
    return int(arguments.run(arguments, aws.session(output)))


def package(aws: FakeAws, version: int) -> dict[str, Any]:
    return aws.sagemaker.packages[f"arn:aws:sagemaker:us-east-1:1:model-package/{GROUP}/{version}"]


def live(aws: FakeAws, version: int, report: bytes) -> None:
    """The version serves, and was evaluated like this."""
    aws.sagemaker.endpoints[GROUP] = {
        "EndpointName": GROUP,
        "EndpointStatus": "InService",
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": f"v{version}", "DesiredWeight": 100.0, "DesiredInstanceCount": 1}],
    }
    quality = {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/p/live.json"}}
    package(aws, version)["ModelMetrics"] = {"ModelQuality": quality}
    aws.s3.objects["p/live.json"] = report


def test_approving_writes_status_and_reason_and_shows_the_metrics(aws: FakeAws) -> None:
    assert run(aws, "approve", "fraud/2", "--reason", "better on fraud") == 0
    assert package(aws, 2)["ModelApprovalStatus"] == "Approved"
    assert package(aws, 2)["ApprovalDescription"] == "better on fraud"
    assert "mse 4.25" in aws.shown


def test_the_live_versions_metrics_stand_beside(aws: FakeAws) -> None:
    live(aws, 1, b'{"metrics": {"mse": {"value": 5.0}, "mae": {"value": 2.0}}}')
    assert run(aws, "approve", "fraud/2") == 0
    table = [line.split() for line in aws.shown.splitlines() if line.startswith("  m")]
    assert table == [
        ["metric", "fraud/2", "fraud/1", "(live)", "difference"],
        ["mse", "4.25", "5", "-0.75"],
        ["mae", "2"],
    ]


def test_programs_get_the_live_versions_metrics(aws: FakeAws) -> None:
    live(aws, 1, b'{"metrics": {"mse": {"value": 5.0}}}')
    run(aws, "reject", "fraud/2", output="json")
    told = json.loads(aws.shown)
    assert (told["live"]["version"], told["live"]["metrics"]) == ("fraud/1", {"mse": 5.0})


def test_the_live_version_is_not_compared_with_itself(aws: FakeAws) -> None:
    live(aws, 2, b"{}")
    assert run(aws, "approve", "fraud/2") == 0
    assert "No other version is live" in aws.shown


def test_rejecting_writes_the_other_word(aws: FakeAws) -> None:
    assert run(aws, "reject", "fraud/1") == 0
    assert package(aws, 1)["ModelApprovalStatus"] == "Rejected"
    assert "ApprovalDescription" not in package(aws, 1)
    assert "no metrics" in aws.shown


def test_approving_again_changes_nothing(aws: FakeAws) -> None:
    before = dict(package(aws, 1))
    assert run(aws, "approve", "fraud/1") == 0
    assert package(aws, 1) == before
    assert "already" in aws.shown


@pytest.mark.parametrize("is_live", [True, False], ids=["live", "older"])
def test_a_reason_for_what_is_approved_already_changes_nothing(aws: FakeAws, is_live: bool) -> None:
    """It would be another approval of the version, and end the rollout of the next one."""
    live(aws, 1 if is_live else 2, b"{}")
    before = dict(package(aws, 1))
    assert run(aws, "approve", "fraud/1", "--reason", "seen by the board") == 0
    assert package(aws, 1) == before
    assert "fraud/1 is Approved already; nothing is changed, and the reason is not kept" in aws.shown
    assert ("sluice approve fraud/1 --again" in aws.shown) is not is_live


def test_an_older_version_is_rolled_out_again_where_that_is_asked_for(aws: FakeAws) -> None:
    live(aws, 2, b"{}")
    assert run(aws, "approve", "fraud/1", "--again", "--reason", "back to it") == 0
    assert package(aws, 1)["ApprovalDescription"] == "back to it"
    assert "fraud/1 is Approved now" in aws.shown


def test_the_live_version_is_not_rolled_out_again(aws: FakeAws) -> None:
    live(aws, 1, b"{}")
    before = dict(package(aws, 1))
    with pytest.raises(CommandError, match="fraud/1 is live: there is nothing to roll out again"):
        run(aws, "approve", "fraud/1", "--again")
    assert package(aws, 1) == before


def test_metrics_that_are_gone_do_not_stop_a_person(aws: FakeAws) -> None:
    aws.s3.objects.clear()
    assert run(aws, "approve", "fraud/2") == 0
    assert package(aws, 2)["ModelApprovalStatus"] == "Approved"


def test_an_unknown_version_lists_the_existing_ones(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match=r"no version fraud/9.*fraud/2, fraud/1"):
        run(aws, "approve", "fraud/9")


def test_a_model_that_was_never_registered_has_no_versions(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="there are: none"):
        run(aws, "approve", "prices/1")


@pytest.mark.parametrize("text", ["fraud", "fraud/", "fraud/x", "/7", "Fraud/7", "fraud/7/8", "fraud/-1"])
def test_what_is_no_version_is_bad_input(aws: FakeAws, text: str) -> None:
    with pytest.raises(BadInputError, match="fraud/7"):
        run(aws, "approve", text)


def test_a_reason_too_long_for_the_registry_is_refused_first(aws: FakeAws) -> None:
    with pytest.raises(BadInputError, match="1025"):
        run(aws, "approve", "fraud/2", "--reason", "x" * 1025)
    assert package(aws, 2)["ModelApprovalStatus"] == "PendingManualApproval"


def test_programs_get_one_json_document(aws: FakeAws) -> None:
    run(aws, "approve", "fraud/2", "--reason", "ok", output="json")
    told = json.loads(aws.shown)
    assert (told["version"], told["was"], told["approval"], told["metrics"]) == (
        "fraud/2",
        "PendingManualApproval",
        "Approved",
        {"mse": 4.25},
    )


def promoted(aws: FakeAws, version: int) -> None:
    """A rollout of that version went well."""
    at = f"2026-01-0{version}T00:00:00+00:00"
    item = {
        "pk": "MODEL#fraud",
        "sk": f"ROLLOUT#000000{version}#001",
        "id": f"fraud-{version}-1",
        "package_arn": f"arn:aws:sagemaker:us-east-1:1:model-package/{GROUP}/{version}",
        "endpoint": GROUP,
        "phase": "closed",
        "outcome": "promoted",
        "opened_at": at,
        "approved_at": at,
        "closed_at": at,
    }
    aws.dynamodb.items.append({name: {"S": value} for name, value in item.items()})


def test_rejecting_the_live_version_names_what_comes_back(aws: FakeAws) -> None:
    promoted(aws, 1)
    promoted(aws, 2)
    live(aws, 2, b"{}")
    assert run(aws, "reject", "fraud/2", "--reason", "it insults customers") == 0
    assert "fraud/2 is live: fraud/1 comes back in its place at once" in aws.shown


def test_rejecting_the_only_good_version_says_that_it_serves_on(aws: FakeAws) -> None:
    promoted(aws, 2)
    live(aws, 2, b"{}")
    assert run(aws, "reject", "fraud/2", output="json") == 0
    assert json.loads(aws.shown)["comes_back"] is None
    promoted(aws, 1)
    package(aws, 1)["ModelApprovalStatus"] = "Rejected"
    assert run(aws, "reject", "fraud/2") == 0
    assert "will serve on" in aws.shown


def test_a_version_whose_registration_failed_is_not_approved(aws: FakeAws) -> None:
    package(aws, 2)["ModelPackageStatus"] = "Failed"
    with pytest.raises(CommandError, match=r"fraud/2: its registration has failed"):
        run(aws, "approve", "fraud/2")
    assert package(aws, 2)["ModelApprovalStatus"] == "PendingManualApproval"


def test_a_version_that_is_still_being_registered_is_approved_with_a_word_on_what_follows(aws: FakeAws) -> None:
    package(aws, 2)["ModelPackageStatus"] = "InProgress"
    assert run(aws, "approve", "fraud/2") == 0
    assert "its rollout begins when that is Completed" in aws.shown


def test_a_new_reason_stands_before_what_was_said(aws: FakeAws) -> None:
    run(aws, "reject", "fraud/2", "--reason", "worse in May")
    run(aws, "approve", "fraud/2", "--reason", "May was broken")
    assert package(aws, 2)["ApprovalDescription"] == "May was broken | before: worse in May"


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_mistyped_model_is_said_not_to_exist(aws: FakeAws, command: str) -> None:
    with pytest.raises(NotFoundError, match="no model frad in stage dev; there are: none"):
        run(aws, command, "frad/2")
