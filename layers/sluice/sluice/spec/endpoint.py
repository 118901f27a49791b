"""Where a model serves: the ``endpoint`` section of a spec."""

from dataclasses import dataclass, field
from typing import Annotated

from sluice.spec.scaling import Scaling
from sluice.spec.schema.collection_fields import Maybe
from sluice.spec.schema.fields import Choice, Flag, Text, Whole
from sluice.spec.schema.section import Section
from sluice.spec.serving import AsyncServing, Batch, Serverless
from sluice.spec.serving_modes import ASYNC, BATCH, REAL_TIME, SERVERLESS

INSTANCE_TYPE = Text(
    32, pattern=r"ml\.[a-z][a-z0-9-]*\.[a-z0-9-]+", example="a SageMaker instance type such as ml.m5.large"
)
SUFFIX = Text(8, pattern=r"[a-z][a-z0-9]*", example="a lower-case word")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the model serves."""

    type: Annotated[str, Choice((REAL_TIME, SERVERLESS, ASYNC, BATCH)), "How requests are answered"] = REAL_TIME
    suffix: Annotated[
        str | None, Maybe(SUFFIX), "Appended to the endpoint's name: a new one beside an endpoint of another type"
    ] = None
    instance_type: Annotated[str, INSTANCE_TYPE, "A SageMaker instance type; serverless has none"] = "ml.m5.large"
    instance_count: Annotated[int, Whole(1, 1000), "Instances of the version that has all the traffic"] = 1
    metrics_period_seconds: Annotated[
        int, Choice((60, 10)), "How often a real-time endpoint publishes metrics; 10 costs extra"
    ] = 60
    detailed_observability: Annotated[
        bool, Flag(), "Whether SageMaker collects metrics of hosts, GPUs and containers, which cost extra"
    ] = False
    network_isolation: Annotated[
        bool, Flag(), "Whether the model's code has no network and no credentials of AWS; serverless has both"
    ] = True
    serverless: Annotated[Serverless, Section(Serverless), "serverless: how large the endpoint is"] = field(
        default_factory=Serverless
    )
    async_: Annotated[AsyncServing, Section(AsyncServing), "async: the queue, and requests that fail"] = field(
        default_factory=AsyncServing
    )
    batch: Annotated[Batch, Section(Batch), "batch: how files are scored, and when"] = field(default_factory=Batch)
    scaling: Annotated[
        Scaling | None, Maybe(Section(Scaling)), "How capacity follows the load; it stays as it is when left out"
    ] = None

    @property
    def period_seconds(self) -> int:
        """How often metrics come. Only real-time endpoints publish them more often than once a minute."""
        return self.metrics_period_seconds if self.type == REAL_TIME else 60
