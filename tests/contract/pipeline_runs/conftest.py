"""A local AWS with jobs and pipelines, shared by the tests of this folder."""

from __future__ import annotations

from localaws.tests.contract.services.sagemaker.engine.conftest import engine_aws

__all__ = ["engine_aws"]
