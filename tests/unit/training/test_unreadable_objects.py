"""An uploader chooses how S3 keeps an object: one that S3 does not hand out is told, and no message comes again."""

from __future__ import annotations

import pytest
from sluice.errors import AwsRefusedError
from sluice.events import ObjectCreated
from sluice.training.quarantine import Quarantine
from sluice.training.unreadable_upload import UnreadableUploadError

from tests.builders.stubbed_aws import StubbedAws

UPLOAD = ObjectCreated(bucket="b", key="data/fraud/a.csv", size=14, version_id="v1", etag="e", sequencer="0")
ARCHIVED = "The operation is not valid for the object's storage class"
UNDER_OWN_KEY = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided"


@pytest.mark.parametrize(
    ("code", "message"), [("InvalidObjectState", ARCHIVED), ("InvalidRequest", UNDER_OWN_KEY)], ids=["GLACIER", "SSE-C"]
)
def test_an_object_that_s3_does_not_hand_out_is_unreadable_for_good(code: str, message: str) -> None:
    client, stub = StubbedAws().service("s3")
    stub.add_client_error("get_object", code, message)
    with pytest.raises(UnreadableUploadError, match="storage class") as raised:
        Quarantine(client).open(UPLOAD)
    assert not raised.value.may_pass


def test_another_refusal_is_the_messages_to_repeat() -> None:
    client, stub = StubbedAws().service("s3")
    stub.add_client_error("get_object", "AccessDenied", "Access Denied")
    with pytest.raises(AwsRefusedError):
        Quarantine(client).open(UPLOAD)
