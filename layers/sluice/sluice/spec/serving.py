"""What each way to serve needs besides its type: the sections ``serverless``, ``async`` and ``batch`` of an endpoint.

All of them may stay in one file: users change ``endpoint.type`` and nothing else.
"""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schedule import Schedule
from sluice.spec.schema.collection_fields import Maybe
from sluice.spec.schema.fields import Choice, Duration, Flag, Text, Whole
from sluice.spec.schema.section import Section
from sluice.spec.serving_modes import (
    ASYNC_RESPONSE_SECONDS,
    BATCH_INSTANCES,
    BATCH_PAYLOAD_MB,
    BATCH_RESPONSE_SECONDS,
    SERVERLESS_CONCURRENCY,
    SERVERLESS_MEMORY_MB,
)

JSON_PATH = Text(63, pattern=r"\$.*", example="a JSONPath such as $ or $[0:7]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serverless:
    """How large a serverless endpoint is."""

    memory_mb: Annotated[
        int, Choice(SERVERLESS_MEMORY_MB), "Memory of one container, which also sets its share of CPU"
    ] = 2048
    max_concurrency: Annotated[
        int, Whole(1, SERVERLESS_CONCURRENCY), "Requests answered at the same time; more are refused"
    ] = 20
    provisioned_concurrency: Annotated[
        int | None, Maybe(Whole(1, SERVERLESS_CONCURRENCY)), "Containers kept warm, which are paid for all the time"
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncServing:
    """How an async endpoint works its queue off, and what becomes of requests that fail."""

    max_concurrent_invocations_per_instance: Annotated[
        int, Whole(1, 1000), "Requests that one instance works on at the same time"
    ] = 4
    max_attempts: Annotated[int, Whole(1, 10), "How often a request is tried before it is parked"] = 3
    retry_delay_seconds: Annotated[
        int, Duration(1, 900), "How long before the second try; doubled before each further one"
    ] = 30
    request_ttl_seconds: Annotated[int, Duration(60, 21600), "How long a request may wait in the queue"] = 21600
    invocation_timeout_seconds: Annotated[
        int, Duration(1, ASYNC_RESPONSE_SECONDS), "How long the model may take for one request"
    ] = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How a batch transform scores files, and when."""

    instance_count: Annotated[int, Whole(1, BATCH_INSTANCES), "Instances of one transform"] = 1
    records_per_request: Annotated[
        str, Choice(("many", "one")), "Whether the model gets as many lines at once as fit, or one"
    ] = "many"
    max_payload_mb: Annotated[int, Whole(1, BATCH_PAYLOAD_MB), "Largest request to the model, in MB"] = 6
    max_concurrent_transforms: Annotated[int, Whole(1, 100), "Requests at the same time to one instance"] = 1
    invocation_timeout_seconds: Annotated[
        int, Duration(1, BATCH_RESPONSE_SECONDS), "How long the model may take for one request"
    ] = 600
    max_retries: Annotated[int, Whole(0, 3), "How often a request that fails is tried again"] = 3
    join_input: Annotated[bool, Flag(), "Whether each answer is written behind its input"] = True
    input_filter: Annotated[str, JSON_PATH, "Which cells of a line the model gets, such as $[1:]"] = "$"
    output_filter: Annotated[str, JSON_PATH, "Which cells of the joined line are written, such as $[0,-1]"] = "$"
    sample_rows: Annotated[
        int, Whole(0, 100_000), "Rows of the last input on which a new version is compared with the current one"
    ] = 1000
    header: Annotated[bool, Flag(), "Whether the first line of each file holds titles, which are left out"] = False
    on_bad_rows: Annotated[
        str, Choice(("fail", "set_aside")), "Whether rows that no job can score end the run, or are kept beside it"
    ] = "fail"
    schedule: Annotated[Schedule | None, Maybe(Section(Schedule)), "When to score by the clock"] = None
