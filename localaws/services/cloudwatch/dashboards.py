"""Dashboards: stored and returned, not drawn."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.service_api import AwsError, Call, Operation
from localaws.services.cloudwatch.metrics.paging import moment, page

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True, slots=True)
class Dashboard:
    name: str
    body: str
    modified_at: float

    def arn(self, account: str) -> str:
        return f"arn:aws:cloudwatch::{account}:dashboard/{self.name}"


class Dashboards:
    """All dashboards by name. ``clock`` gives epoch seconds."""

    def __init__(self, lock: threading.RLock, clock: Callable[[], float]) -> None:
        self._lock = lock
        self._clock = clock
        self._dashboards: dict[str, Dashboard] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "PutDashboard": self.put_dashboard,
            "GetDashboard": self.get_dashboard,
            "ListDashboards": self.list_dashboards,
            "DeleteDashboards": self.delete_dashboards,
        }

    def put_dashboard(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """The body must be a JSON object with a list of widgets, as far as it is checked here."""
        name, body = params["DashboardName"], params["DashboardBody"]
        if not _NAME.fullmatch(name) or not _has_widgets(body):
            raise AwsError("InvalidParameterInput", "The dashboard's name or body is invalid")
        with self._lock:
            self._dashboards[name] = Dashboard(name, body, self._clock())
        return {"DashboardValidationMessages": []}

    def get_dashboard(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        with self._lock:
            dashboard = self._find(params["DashboardName"])
        return {
            "DashboardArn": dashboard.arn(call.account),
            "DashboardBody": dashboard.body,
            "DashboardName": dashboard.name,
        }

    def list_dashboards(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        with self._lock:
            named = sorted(self._dashboards.values(), key=lambda dashboard: dashboard.name)
        found = [entry for entry in named if entry.name.startswith(params.get("DashboardNamePrefix") or "")]
        shown, more = page(found, params.get("NextToken"), 1000)
        entries = [
            {
                "DashboardName": entry.name,
                "DashboardArn": entry.arn(call.account),
                "LastModified": moment(entry.modified_at),
                "Size": len(entry.body.encode()),
            }
            for entry in shown
        ]
        return {"DashboardEntries": entries, **more}

    def delete_dashboards(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """All or none: one unknown name refuses the call."""
        with self._lock:
            for name in params["DashboardNames"]:
                self._find(name)
            for name in params["DashboardNames"]:
                self._dashboards.pop(name, None)
        return {}

    def _find(self, name: str) -> Dashboard:
        if name not in self._dashboards:
            raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", 404)
        return self._dashboards[name]


def _has_widgets(body: str) -> bool:
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and isinstance(parsed.get("widgets"), list)
