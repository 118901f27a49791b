"""The auto-rollback alarms of a deployment, read as SageMaker does: under the endpoint's execution role."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.service_api import AwsError, invalid

LOG = logging.getLogger(__name__)


class AlarmsUnreadableError(Exception):
    """The role may not read the alarms; the text is fit for a FailureReason."""


@dataclass(frozen=True, slots=True)
class AlarmWatch:
    """Reads the alarms called ``names`` under ``role_arn``; with no names there is nothing to read."""

    context: Context
    role_arn: str
    names: Sequence[str]

    def check(self) -> None:
        """Raise ValidationException for alarms that do not exist, are composite or cannot be read."""
        try:
            found = self._describe()
        except AlarmsUnreadableError as error:
            raise invalid(str(error)) from error
        except ClientError as error:
            details = error.response["Error"]
            raise AwsError(details["Code"], details["Message"]) from error
        if found["CompositeAlarms"]:
            names = ", ".join(alarm["AlarmName"] for alarm in found["CompositeAlarms"])
            raise invalid(f"Composite alarms are not supported in AutoRollbackConfiguration: {names}.")
        missing = set(self.names) - {alarm["AlarmName"] for alarm in found["MetricAlarms"]}
        if missing:
            raise invalid(f"Could not find the alarms {', '.join(sorted(missing))} of AutoRollbackConfiguration.")

    def alarming(self) -> list[str]:
        """Which of them are in ALARM. A failure that may pass is logged and counts as none.

        Raises AlarmsUnreadableError when the role lost its permission.
        """
        try:
            found = self._describe()
        except (ClientError, BotoCoreError) as error:
            LOG.warning("could not read the alarms %s: %s", ", ".join(self.names), error)
            return []
        return [alarm["AlarmName"] for alarm in found["MetricAlarms"] if alarm["StateValue"] == "ALARM"]

    def _describe(self) -> dict[str, Any]:
        if not self.names:
            return {"MetricAlarms": [], "CompositeAlarms": []}
        try:
            described: dict[str, Any] = self.context.client("cloudwatch", self.role_arn).describe_alarms(
                AlarmNames=list(self.names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except ClientError as error:
            if "AccessDenied" not in error.response["Error"]["Code"]:
                raise
            raise AlarmsUnreadableError(
                f"The execution role {self.role_arn} of the endpoint is not authorized to perform "
                "cloudwatch:DescribeAlarms on the alarms of AutoRollbackConfiguration."
            ) from error
        return described
