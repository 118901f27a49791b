"""Used versus granted: each granted action is told to be used or not."""

from __future__ import annotations

from localaws.iam.grants import Grant, compare
from localaws.iam.policy import parse_policy

OBJECTS = "arn:aws:s3:::data/*"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def test_each_granted_action_is_compared_with_what_was_used() -> None:
    statements = parse_policy(
        {
            "Statement": [
                {"Effect": "Allow", "Action": ["s3:GetObject", "s3:Put*"], "Resource": OBJECTS},
                {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE},
                {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
            ]
        }
    )
    used = [("s3:PutObject", "arn:aws:s3:::data/a"), ("sqs:SendMessage", QUEUE + "-of-others")]
    assert list(compare(statements, used)) == [
        Grant("s3:GetObject", (OBJECTS,), used=False),
        Grant("s3:Put*", (OBJECTS,), used=True),
        Grant("sqs:SendMessage", (QUEUE,), used=False),
    ]
