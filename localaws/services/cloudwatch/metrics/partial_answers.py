"""Answers of GetMetricData in which one result is not complete, for tests that inject them.

CloudWatch answers 200 and says it in the result: "InternalError indicates that an error occurred", "PartialData means
that an incomplete set of data points were returned" (CloudWatch API reference, MetricDataResult).
"""

from __future__ import annotations

from collections.abc import Callable

from localaws.service_api import Result


def with_incomplete(result_id: str, status: str = "InternalError", *, kept: int = 0) -> Callable[[Result], Result]:
    """Alters an answer: the result of that id has ``status``, and no more than its first ``kept`` points."""

    def alter(answer: Result) -> Result:
        results = [
            {
                **result,
                "StatusCode": status,
                "Timestamps": result["Timestamps"][:kept],
                "Values": result["Values"][:kept],
                "Messages": [{"Code": status, "Value": "A test asked for it"}],
            }
            if result["Id"] == result_id
            else result
            for result in answer["MetricDataResults"]
        ]
        return {**answer, "MetricDataResults": results}

    return alter
