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
_ACTIONS = ("s3:*", "sagemaker:*", "logs:*", "cloudwatch:*", "sns:Publish", "iam:PassRole", "iam:GetRole", "ecr:*")
_RIGHTS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(_ACTIONS), "Resource": "*"}]}


def prepare(client: Callable[[str], Any]) -> None:
    """Make everything that the labs take for granted."""
    iam, s3, sns = client("iam"), client("s3"), client("sns")
    iam.create_role(RoleName="labs", AssumeRolePolicyDocument=json.dumps(_TRUST))
    iam.put_role_policy(RoleName="labs", PolicyName="labs", PolicyDocument=json.dumps(_RIGHTS))
    for topic in ("async-success", "async-error"):
        sns.create_topic(Name=topic)
    s3.create_bucket(Bucket=BUCKET)
    rows = "\n".join(",".join(map(str, _row(seed))) for seed in range(200))
    for key, body in {
        "train/rows.csv": "\n".join(f"{seed % 2},{','.join(map(str, _row(seed)))}" for seed in range(200)),
        "scoring-data/one.csv": rows,
        "scoring-data/two.csv": rows,
        "async/rows.csv": ",".join(map(str, ROW)),
        "async/broken.csv": "no,numbers",
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
