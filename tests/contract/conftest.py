"""Local AWSs with hosting, for contracts between the product's adapters and SageMaker."""

from __future__ import annotations

from localaws.tests.contract.services.sagemaker.endpoints.conftest import artifacts, guarded, impatient, stage
from localaws.tests.contract.services.sagemaker.serving.conftest import account, packed_models

__all__ = ["account", "artifacts", "guarded", "impatient", "packed_models", "stage"]
