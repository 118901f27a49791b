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

_ALPHABET = string.ascii_lowercase + string.digits


def engine(context: Context) -> Sequence[Service]:
    """The services to register with the gateway, besides hosting."""
    jobs = Jobs(context)
    interpreter = Interpreter(context=context, wait_for_job=jobs.wait, new_suffix=lambda: new_id(10))
    return [ResourceTags(context), Registry(context), jobs, Pipelines(context, interpreter, new_id)]


def new_id(length: int) -> str:
    """A random identifier of lower-case letters and digits, as SageMaker makes them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
