"""Start pipeline: uploads become one manifest per model and one pipeline execution per manifest."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from sluice.assembly import Ports, live_ports
from sluice.errors import RetryableError
from sluice.events import ObjectCreated
from sluice.intake import judge_upload, start_run

log = logging.getLogger(__name__)

Failures = list[dict[str, str]]

NOT_NOW = (RetryableError, ClientError)
"""What AWS refuses for one file or one model must not take the rest of the batch with it."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Failures]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> dict[str, Failures]:
    """Messages that cannot be dealt with now go back to the queue, and after five times to its DLQ."""
    failures: Failures = []
    spec_of = cache(ports.specs.get)
    good: dict[str, list[tuple[str, ObjectCreated]]] = defaultdict(list)
    for message in event["Records"]:
        try:
            upload = ObjectCreated.parse(json.loads(message["body"]))
            model = judge_upload(upload, spec_of, ports)
        except (*NOT_NOW, KeyError, TypeError, ValueError):
            log.exception("message %s goes back to the queue", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
            continue
        if model is not None:
            good[model].append((message["messageId"], upload))
    for model, accepted in good.items():
        try:
            start_run(model, [upload for _, upload in accepted], ports)
        except NOT_NOW:
            log.exception("the pipeline of %s could not be started now", model)
            failures.extend({"itemIdentifier": message_id} for message_id, _ in accepted)
    return {"batchItemFailures": failures}
