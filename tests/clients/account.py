"""What the labs find in their account: a bucket with data, a role of SageMaker's, two topics."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

BUCKET = "labs"
ROLE = "arn:aws:iam::123456789012:role/labs"
ROW = (25, 50000, 680, 12, 0.7, 0.3, 0.1)
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
# The managed policy covers buckets with "sagemaker" in their names only; the labs name theirs.
_FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
_RIGHTS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]},
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:*:*:async-*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE},
    ],
}


def topic(name: str) -> str:
    """The ARN of a topic."""
    return f"arn:aws:sns:us-east-1:123456789012:{name}"


def _heard_by(queue_arn: str, topic_arn: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def prepare(client: Callable[[str], Any]) -> None:
    """Make everything that the labs take for granted."""
    iam, s3, sns, sqs = (client(service) for service in ("iam", "s3", "sns", "sqs"))
    iam.create_role(RoleName="labs", AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.put_role_policy(RoleName="labs", PolicyName="labs", PolicyDocument=json.dumps(_RIGHTS))
    iam.attach_role_policy(RoleName="labs", PolicyArn=_FULL_ACCESS)
    for name in ("async-success", "async-error"):  # each topic with a queue that hears it
        sns.create_topic(Name=name)
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(_heard_by(arn, topic(name)))})
        sns.subscribe(TopicArn=topic(name), Protocol="sqs", Endpoint=arn)
    s3.create_bucket(Bucket=BUCKET)
    rows = "\n".join(",".join(map(str, _row(seed))) for seed in range(200))
    for key, body in {
        "train/rows.csv": "\n".join(f"{seed % 2},{','.join(map(str, _row(seed)))}" for seed in range(200)),
        "scoring-data/one.csv": rows,
        "scoring-data/two.csv": rows,
        "scans/rows.csv": ",".join(map(str, ROW)),
        "scans/patient_001.dcm": "\0" * 128 + "DICM",
        "data/input.csv": _input_table(),
    }.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def _row(seed: int) -> tuple[float, ...]:
    chance = random.Random(seed)
    shift = seed % 2
    return tuple(round(value * (1 + 0.2 * chance.random() + shift), 3) for value in ROW)


def _input_table() -> str:
    """A raw table with a category, cells that are missing, and a label that a tree can learn."""
    chance = random.Random(7)
    lines = ["loss,amount,age,channel"]
    for number in range(400):
        amount, age, channel = chance.random() * 10, chance.randint(18, 90), chance.choice(("web", "shop"))
        loss = 2 * amount + (3 if channel == "web" else 0)
        lines.append(f"{loss:.3f},{amount:.3f},{'' if number % 20 == 0 else age},{channel}")
    return "\n".join(lines) + "\n"
