"""The deployed system as its users reach it: AWS by endpoint and keys alone, and the ``sluice`` command."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

STAGE = "dev"
CONNECTIONS = 100  # kept open per service: each scene's client holds some


class CommandFailedError(Exception):
    """A command of the story ended with an error; carries what it printed."""


@dataclass(slots=True)
class Surroundings:
    """Everything goes over the wire: nothing here knows that this AWS is a local one."""

    repo: Path
    folder: Path  # of this run
    environment: dict[str, str]  # standard AWS variables
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)  # making clients is not thread-safe

    def client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    region_name=self.environment["AWS_DEFAULT_REGION"],
                    endpoint_url=self.environment["AWS_ENDPOINT_URL"],
                    aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                    # No retries: what the story counts is what AWS answered the first time.
                    config=Config(retries={"total_max_attempts": 1}, max_pool_connections=CONNECTIONS),
                )
            return self._clients[service]

    def sluice(self, *arguments: str) -> str:
        """Run the ``sluice`` command as a user would; its output.

        Raises:
            CommandFailedError: it exited with an error.
        """
        done = subprocess.run(
            [self.repo / ".venv" / "bin" / "sluice", "--stage", STAGE, *arguments],
            env={**os.environ, **self.environment},
            cwd=self.repo,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise CommandFailedError(
                f"sluice {' '.join(arguments)} (exit {done.returncode}):\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def bucket(self) -> str:
        outputs = self.client("cloudformation").describe_stacks(StackName=f"sluice-{STAGE}")["Stacks"][0]["Outputs"]
        return next(str(each["OutputValue"]) for each in outputs if each["OutputKey"] == "DataBucketName")

    def package(self, group: str, version: int) -> dict[str, Any]:
        """A version in the registry; StopIteration when the group has none of that number."""
        sagemaker = self.client("sagemaker")
        listed = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        arn = next(each["ModelPackageArn"] for each in listed if each["ModelPackageVersion"] == version)
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
        return found

    def shares(self, endpoint: str) -> dict[str, float]:
        """The current weight of each production variant."""
        found = self.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        return {each["VariantName"]: each["CurrentWeight"] for each in found.get("ProductionVariants", [])}

    def dead_letters(self) -> dict[str, int]:
        """How many messages wait in each dead-letter queue of the stack."""
        sqs = self.client("sqs")
        wanted = "ApproximateNumberOfMessages"
        urls = [url for url in sqs.list_queues().get("QueueUrls", []) if url.endswith("dead-letters")]
        return {
            url.rsplit("/", 1)[1]: int(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[wanted])["Attributes"][wanted]
            )
            for url in urls
        }

    def calls(self) -> list[dict[str, Any]]:
        """Every call of AWS so far, newest first, from CloudTrail."""
        found = self.client("cloudtrail").lookup_events(MaxResults=50_000)["Events"]
        return [json.loads(each["CloudTrailEvent"]) for each in found]
