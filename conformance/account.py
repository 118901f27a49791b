"""One AWS account while it is being asked: clients, names of this run, waiting, and everything undone at the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

PREFIX = "sluice-verify"
Found = TypeVar("Found")
_GONE = ("NoSuch", "NotFound", "ResourceNotFound", "NonExistent", "DoesNotExist")
_GONE_TEXTS = ("could not find", "does not exist", "not found", "no such")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a run is. AWS takes seconds to minutes for what a local AWS does at once."""

    pause_seconds: float = 2.0  # between two looks at something that changes
    silence_seconds: float = 60.0  # after which what has not come is taken to never come
    new_role_seconds: float = 15.0  # until a role works; IAM is eventually consistent
    deadline_seconds: float = 1200.0  # for what has to come
    slow_request_seconds: float = 75.0  # beyond the 60 s that the image's own server gives a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that could not be deleted, and why."""

    what: str
    error: str


class RunStoppedError(RuntimeError):
    """Someone ended the run."""

    def __init__(self) -> None:
        super().__init__("the run was stopped")


@dataclass
class Account:
    """Clients and clean-up for one run. Thread-safe as far as checks of different groups need it."""

    run: str  # part of every name, lower-case letters and digits
    region: str
    image: str  # URI of the SageMaker XGBoost image in this region
    pace: Pace = field(default_factory=Pace)
    session: Any = field(default_factory=boto3.Session)
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._shared: dict[str, Any] = {}
        self._undo: list[tuple[str, Callable[[], object]]] = []

    def stop(self) -> None:
        """Have every check that waits end with RunStoppedError."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether somebody has ended the run."""
        return self._stopped.is_set()

    def sleep(self, seconds: float) -> None:
        """Let time pass; raises RunStoppedError when the run is stopped."""
        if self.wait(self._stopped, seconds):
            raise RunStoppedError

    def client(self, service: str) -> Any:
        """A botocore client of this region; one of each service."""
        with self._lock:
            if service not in self._clients:
                retries: Any = {"mode": "standard", "total_max_attempts": 6}
                config = Config(retries=retries, read_timeout=120)
                self._clients[service] = self.session.client(service, region_name=self.region, config=config)
            return self._clients[service]

    def name(self, what: str) -> str:
        """A name for one thing of this run: at most 63 characters when ``what`` has at most 35."""
        return f"{PREFIX}-{self.run}-{what}"

    def number(self) -> str:
        """The account's 12 digits."""
        return str(self.shared("account", lambda: self.client("sts").get_caller_identity()["Account"]))

    def shared(self, what: str, make: Callable[[], Found]) -> Found:
        """What ``make`` returned the first time it was asked for."""
        with self._lock:
            if what not in self._shared:
                self._shared[what] = make()
            found: Found = self._shared[what]
            return found

    def undo(self, what: str, delete: Callable[[], object]) -> None:
        """Have ``delete`` called at the end, the last one first. Say it before you make the thing."""
        with self._lock:
            self._undo.append((what, delete))

    def clean_up(self) -> list[Leftover]:
        """Delete everything that was made; returns what is left, which costs money or stands in the way."""
        self._stopped.clear()
        with self._lock:
            undone, self._undo = list(reversed(self._undo)), []
        return [left for what, delete in undone if (left := self._deleted(what, delete)) is not None]

    def _deleted(self, what: str, delete: Callable[[], object]) -> Leftover | None:
        error = ""
        for _attempt in range(5):
            try:
                delete()
            except ClientError as refused:
                if is_gone(refused):
                    return None
                error = str(refused)
            except BotoCoreError as failed:
                error = str(failed)
            else:
                return None
            self.sleep(self.pace.pause_seconds)
        return Leftover(what=what, error=error)

    def eventually(self, probe: Callable[[], Found | None]) -> Found | None:
        """What ``probe`` returns once it is not None, or None after the deadline."""
        return self._within(self.pace.deadline_seconds, probe)

    def soon(self, probe: Callable[[], Found | None]) -> Found | None:
        """The same, but None after so long a silence that nothing will come any more."""
        return self._within(self.pace.silence_seconds, probe)

    def _within(self, seconds: float, probe: Callable[[], Found | None]) -> Found | None:
        deadline = self.monotonic() + seconds
        while True:
            if (found := probe()) is not None:
                return found
            if self.monotonic() >= deadline:
                return None
            self.sleep(self.pace.pause_seconds)

    def bucket(self) -> str:
        """A bucket of this run that sends its events to EventBridge."""
        return self.shared("bucket", self._make_bucket)

    def _make_bucket(self) -> str:
        s3, bucket = self.client("s3"), self.name(self.number())
        where: Any = {}
        if self.region != "us-east-1":
            where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.undo(f"bucket {bucket}", lambda: self._empty_and_delete(bucket))
        s3.create_bucket(Bucket=bucket, **where)
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        return bucket

    def _empty_and_delete(self, bucket: str) -> None:
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", ()):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
        s3.delete_bucket(Bucket=bucket)

    def role(self) -> str:
        """ARN of a role that SageMaker, Scheduler and Step Functions may take on, limited to things of this run."""
        return self.shared("role", self._make_role)

    def _make_role(self) -> str:
        iam, name = self.client("iam"), self.name("role")
        services = ["sagemaker.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
        trust = [{"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}]
        self.undo(f"role {name}", lambda: iam.delete_role(RoleName=name))
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
        self.undo(f"policy of role {name}", lambda: iam.delete_role_policy(RoleName=name, PolicyName="run"))
        iam.put_role_policy(RoleName=name, PolicyName="run", PolicyDocument=_document(self._rights()))
        self.sleep(self.pace.new_role_seconds)
        return str(made["Role"]["Arn"])

    def _rights(self) -> list[dict[str, Any]]:
        everything_of = f"{self.region}:{self.number()}"
        bucket = f"arn:aws:s3:::{self.bucket()}"
        registry = f"arn:aws:sagemaker:{everything_of}"
        pull = ["BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"]
        logs = ["CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents"]
        return [
            _allow("s3:*", [bucket, f"{bucket}/*"]),
            _allow("sqs:SendMessage", [f"arn:aws:sqs:{everything_of}:{PREFIX}-*"]),
            _allow("sns:Publish", [f"arn:aws:sns:{everything_of}:{PREFIX}-*"]),
            _allow([f"logs:{each}" for each in logs], [f"arn:aws:logs:{everything_of}:log-group:/aws/sagemaker/*"]),
            _allow("sagemaker:CreateModelPackageGroup", [f"{registry}:model-package-group/{PREFIX}-*"]),
            _allow("sagemaker:CreateModelPackage", [f"{registry}:model-package/{PREFIX}-*"]),
            _allow("cloudwatch:PutMetricData", ["*"]),  # has no resources
            _allow("ecr:GetAuthorizationToken", ["*"]),  # has no resources
            _allow([f"ecr:{each}" for each in pull], ["arn:aws:ecr:*:*:repository/sagemaker-*"]),
        ]


def is_gone(error: ClientError) -> bool:
    """Whether an error says that the thing is not there, in any of AWS's ways."""
    code, text = error.response["Error"].get("Code", ""), str(error).lower()
    return any(word in code for word in _GONE) or any(word in text for word in _GONE_TEXTS)


def refusal(call: Callable[[], object]) -> ClientError | None:
    """The error that AWS answers a call with, or None if it takes it."""
    try:
        call()
    except ClientError as error:
        return error
    return None


def forget(call: Callable[[], object]) -> None:
    """Call and ignore that AWS refuses, where the end is the same."""
    with suppress(ClientError):
        call()


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _allow(actions: str | list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
