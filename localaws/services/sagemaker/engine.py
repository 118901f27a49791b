"""Assembles the parts of SageMaker besides hosting: tags, registry, jobs, pipelines."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence

from localaws.context import Context
from localaws.service_api import Service
from localaws.services.sagemaker.jobs.jobs import Jobs
from localaws.services.sagemaker.pipelines.interpreter import Interpreter
from localaws.services.sagemaker.pipelines.pipelines import Pipelines
from localaws.services.sagemaker.registry.registry import Registry
from localaws.services.sagemaker.resources.tags import ResourceTags
from localaws.services.sagemaker.search.search import Search

_ALPHABET = string.ascii_lowercase + string.digits


def engine(context: Context, transforms: Jobs) -> Sequence[Service]:
    """The services to register with the gateway, besides hosting and the jobs that transform with its models."""
    jobs = Jobs(context)

    def wait_for_job(arn: str) -> None:
        (transforms if ":transform-job/" in arn else jobs).wait(arn)

    interpreter = Interpreter(context=context, wait_for_job=wait_for_job, new_suffix=lambda: new_id(10))
    return [ResourceTags(context), Registry(context), jobs, Pipelines(context, interpreter, new_id), Search(context)]


def new_id(length: int) -> str:
    """A random identifier of lower-case letters and digits, as SageMaker makes them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
