"""Runs one serving container as a process: fetches the model under its role, starts the server, awaits its health."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from localaws.choices import Choices
from localaws.containers import SERVE
from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.sagemaker.containers.artifact import ArtifactError, unpack_model
from localaws.services.sagemaker.containers.container import Container, port_file
from localaws.services.sagemaker.containers.images import ImageUse, require_played_image
from localaws.services.sagemaker.models.models import ContainerSpec


def start_serving(context: Context, spec: ContainerSpec, home: Path, more_environment: Mapping[str, str]) -> Container:
    """Start what ``spec`` describes in the directory ``home``; raises ImageError, ArtifactError or ChildStartError.

    ArtifactError also for a role that is gone since CreateModel: it is what the artifact is fetched under.

    ``more_environment`` is what SageMaker itself sets for this use of the model.
    """
    require_played_image(spec.image, ImageUse.SERVING)
    try:
        context.refuse_role(spec.role_arn, f"arn:aws:sagemaker:{context.region}:{context.account}:*")
    except AwsError as error:
        raise ArtifactError(error.message) from error
    model_dir = home / "ml" / "model"
    model_dir.mkdir(parents=True)
    unpack_model(context.client("s3", spec.role_arn), spec.model_data_url, model_dir)
    child = context.processes.start(
        [str(context.interpreters.containers), str(SERVE), "--port=0", f"--port-file={port_file(home)}"],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
            "AWS_REGION": context.region,
            "AWS_DEFAULT_REGION": context.region,
            **_server_timeout(context.choices.model_server_seconds),
            **credentials(context, spec),
            **more_environment,
            **spec.environment,
        },
        cwd=home,
        log=log_file(home),
        mounts={"/opt/ml": home / "ml"},
    )
    return Container(child, home)


def credentials(context: Context, spec: ContainerSpec) -> dict[str, str]:
    """How the container reaches AWS under the model's role; nothing for one that is isolated.

    "The containers can't make any outbound network calls, even to other AWS services such as Amazon S3. Additionally,
    no AWS credentials are made available to the container runtime environment":
    https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html. The network itself stays, here.
    """
    if spec.is_isolated:
        return {}
    return {"AWS_ENDPOINT_URL": context.endpoint_url, **context.credentials(spec.role_arn)}


def _server_timeout(seconds: int) -> dict[str, str]:
    """Nothing for the image's own limit: a user's code must not see a variable that SageMaker does not set."""
    return {} if seconds == Choices().model_server_seconds else {"SAGEMAKER_MODEL_SERVER_TIMEOUT": str(seconds)}


def log_file(home: Path) -> Path:
    """Where a container's stdout and stderr go."""
    return home / "container.log"


def becomes_healthy(
    context: Context, container: Container, *, allowed_seconds: float, ping_every_seconds: float
) -> bool:
    """Ping until it answers; False when it ended, took longer than allowed, or the local AWS is stopping.

    A process that ended is not awaited: here nothing restarts it.
    """
    deadline = time.monotonic() + allowed_seconds
    while not container.is_healthy():
        is_over = time.monotonic() > deadline or not container.is_running
        if is_over or context.stopping.wait(ping_every_seconds):
            return False
    return True
