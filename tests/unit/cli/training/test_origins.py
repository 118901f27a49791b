"""``versions``, ``plan`` and ``approve`` show what a version is made of, and what of it may not serve."""

from __future__ import annotations

import json

import pytest

from cli.failures import CommandError
from cli.main import command_line
from tests.builders.fake_aws import FakeAws
from tests.builders.spec_examples import spec_with
from tests.fakes.aws_state import IMAGE, TRUSTED

RUN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/sluice-dev-fraud/execution/p4jn9xou8a8s"
EVIL = "s3://lake/data/fraud/model.tar.gz"


@pytest.fixture
def aws() -> FakeAws:
    """A model whose only version has an artifact that a client has uploaded."""
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    stack = json.loads(aws.ssm.parameters["/sluice/dev/stack"])
    aws.ssm.parameters["/sluice/dev/stack"] = json.dumps(
        {**stack, "bucket": "lake", "trusted_images": TRUSTED.images[0]}
    )
    aws.sagemaker.register(
        "sluice-dev-fraud",
        1,
        InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataUrl": EVIL}]},
        MetadataProperties={"GeneratedBy": RUN},
    )
    aws.sagemaker.groups.add("sluice-dev-fraud")
    return aws


def sluice(aws: FakeAws, *words: str) -> int:
    arguments = command_line({}).parse_args(words)
    return int(arguments.run(arguments, aws.session()))


def test_what_may_not_serve_is_not_approved(aws: FakeAws) -> None:
    with pytest.raises(CommandError, match=r"may not serve.*Containers\[0\].ModelDataUrl .*clients write"):
        sluice(aws, "approve", "fraud/1", "--reason", "looks good")
    assert EVIL in aws.shown
    assert RUN in aws.shown
    assert [each["ModelApprovalStatus"] for each in aws.sagemaker.packages.values()] == ["PendingManualApproval"]


def test_the_list_of_versions_shows_their_runs_and_what_may_not_serve(aws: FakeAws) -> None:
    assert sluice(aws, "versions", "fraud") == 0
    assert "p4jn9xou8a8s" in aws.shown
    assert "fraud/1 may not serve" in aws.shown


def test_a_plan_shows_the_origin_and_refuses(aws: FakeAws) -> None:
    assert sluice(aws, "plan", "fraud") == 1
    assert EVIL in aws.shown
