"""The right to deregister variants is known by how Application Auto Scaling refuses one that no endpoint has."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.stub import Stubber
from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.autoscaling import AutoScaling
from sluice.errors import AwsRefusedError
from sluice.names import Names

from tests.builders.aws_clients import translating


def asked(code: str, message: str) -> None:
    session = botocore.session.Session()
    client = session.create_client(
        "application-autoscaling", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        stub.add_client_error("deregister_scalable_target", code, message)
        AutoScaling(translating(client), CloudWatch(None), Names("dev")).require_deregistering("fraud")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ObjectNotFoundException", "No scalable target found for service namespace: sagemaker"),
        ("ValidationException", "Variant sluice-has-no-such-variant was not found"),
        ("ResourceNotFoundException", "There is no such variant"),
    ],
)
def test_every_other_refusal_of_a_variant_that_is_not_there_shows_the_right(code: str, message: str) -> None:
    asked(code, message)


def test_who_may_not_deregister_is_told() -> None:
    with pytest.raises(AwsRefusedError, match="not authorized"):
        asked("AccessDeniedException", "User is not authorized to perform: application-autoscaling:Deregister…")
