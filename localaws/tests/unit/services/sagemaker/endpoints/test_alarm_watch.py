"""Reading the alarms of a deployment, also when that fails."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.sagemaker.endpoints.alarm_watch import AlarmsUnreadableError, AlarmWatch


def watch(answer: dict[str, Any] | str) -> AlarmWatch:
    """A watch over two alarms whose reading gives ``answer``, or fails with that code."""

    def describe_alarms(**_request: Any) -> dict[str, Any]:
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "DescribeAlarms")
        return {"MetricAlarms": [], "CompositeAlarms": [], **answer}

    client = SimpleNamespace(describe_alarms=describe_alarms)
    context = SimpleNamespace(client=lambda service, role: client if (service, role) == ("cloudwatch", "arn") else None)
    return AlarmWatch(cast(Context, context), "arn", ["one", "two"])


def alarms(**states: str) -> dict[str, Any]:
    return {"MetricAlarms": [{"AlarmName": name, "StateValue": state} for name, state in states.items()]}


def test_only_the_state_alarm_counts() -> None:
    assert watch(alarms(one="ALARM", two="INSUFFICIENT_DATA")).alarming() == ["one"]


def test_a_failure_that_may_pass_stops_nothing() -> None:
    assert watch("ThrottlingException").alarming() == []


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException"])
def test_a_lost_permission_does(code: str) -> None:
    with pytest.raises(AlarmsUnreadableError, match="not authorized to perform cloudwatch:DescribeAlarms"):
        watch(code).alarming()


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        pytest.param(alarms(one="OK"), "ValidationException", "Could not find the alarms two", id="one is missing"),
        pytest.param("AccessDenied", "ValidationException", "not authorized", id="may not read"),
        pytest.param("ThrottlingException", "ThrottlingException", "no", id="throttled"),
    ],
)
def test_what_an_update_is_refused_for(answer: dict[str, Any] | str, code: str, text: str) -> None:
    with pytest.raises(AwsError, match=text) as refusal:
        watch(answer).check()
    assert refusal.value.code == code


def test_alarms_that_are_well_are_accepted() -> None:
    watch(alarms(one="OK", two="ALARM")).check()
