"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sluice.aws.data_capture import CaptureFile
from sluice.aws.metric_data import Counts, Dimensions, Moments, Span
from sluice.names import Names
from sluice.rollout.ab_outcomes.store import Counted
from sluice.rollout_id import RolloutId


class AnalysisCaptures(Protocol):
    """The operations on the data capture bucket that this package uses."""

    def files(self, folder: str, since: datetime, until: datetime) -> list[CaptureFile]:
        """The files of one variant between two times, oldest first."""

    def lines(self, files: Sequence[CaptureFile]) -> Iterator[str]:
        """The lines of these files, one captured exchange each; files that are gone are left out."""


class AnalysisMetrics(Protocol):
    """The calls that this package makes to CloudWatch. Each raises ``MetricsUnknownError`` if data is missing."""

    def counts(self, of: Dimensions, span: Span) -> dict[datetime, Counts]:
        """Counts per period; a period without requests has no entry."""

    def slow_counts(
        self, of: Dimensions, limits_us: Mapping[str, int], *spans: Span
    ) -> dict[str, dict[datetime, Counts]] | None:
        """For each limit, by name, the requests beyond it as ``errors``; None where CloudWatch does not count them.

        The spans do not overlap; whether it counts is told by all of them together.
        """

    def mean_latencies(self, of: Dimensions, span: Span) -> dict[datetime, float]:
        """The mean latency in microseconds of each period with requests."""

    def published_values(self, model: str, variant: str, metric: str, span: Span) -> dict[datetime, Moments]:
        """A metric that users publish in ``Sluice/Outcomes``: values from 0 to 1, such as 1 for each yes."""

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA`` by name; an alarm that does not exist has no entry."""


class OutcomeReader(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def read(self, test: RolloutId, metric: str, variants: Sequence[str]) -> Mapping[str, Counted]:
        """What was counted so far, by variant (consistent reads)."""


class AnalysisPorts(Protocol):
    """All ports of this package."""

    @property
    def captures(self) -> AnalysisCaptures: ...

    @property
    def metrics(self) -> AnalysisMetrics: ...

    @property
    def names(self) -> Names: ...

    @property
    def outcomes(self) -> OutcomeReader: ...
