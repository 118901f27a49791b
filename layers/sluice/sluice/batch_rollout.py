"""A version that serves by batch transforms: there is no endpoint, the next transform uses the promoted version."""

from __future__ import annotations

from sluice.assembly import Ports
from sluice.plan import Plan
from sluice.rollout import RolloutRecord
from sluice.steps import TaskResult, answer


def provision(record: RolloutRecord, plan: Plan, ports: Ports) -> TaskResult:
    """PROMOTE once there is a SageMaker model of the version that a transform can name."""
    ports.hosting.create_model(plan.candidate.model, record.package_arn, ports.model_role_arn)
    return answer("PROMOTE")
