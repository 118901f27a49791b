"""A model's spec: the content of one ``models/<name>.yaml``, validated once when it is parsed.

The classes are the only description of the file: ``schema.section`` reads them for parsing, for writing and for
the JSON Schema that editors use. Attribute names end in their unit; in the file durations carry their unit.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

from sluice.errors import Problem, SpecError
from sluice.spec.data import Column, Data, TargetValues
from sluice.spec.endpoint import Endpoint
from sluice.spec.origin import AllowedOrigin
from sluice.spec.pipeline import FILLED_PARAMETERS, NAME, Limit, Pipeline, QualityGate
from sluice.spec.rollout import Alarms, Judge, Rollout
from sluice.spec.rules import RULES, Rule, broken_rules
from sluice.spec.schedule import Schedule
from sluice.spec.schema.collection_fields import Maybe
from sluice.spec.schema.fields import Choice, Text
from sluice.spec.schema.reading import INVALID, Reading
from sluice.spec.schema.section import Section
from sluice.spec.serving_modes import strategy_of
from sluice.spec.strategies import Stage

__all__ = [
    "FILLED_PARAMETERS",
    "Alarms",
    "AllowedOrigin",
    "Column",
    "Data",
    "Endpoint",
    "InferenceSettings",
    "Judge",
    "Limit",
    "ModelSpec",
    "Pipeline",
    "QualityGate",
    "Rollout",
    "Schedule",
    "Stage",
    "TargetValues",
]

STORED_MAX_BYTES = 8192
"""The most bytes that one SSM parameter of the advanced tier holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceSettings:
    """How live requests are treated."""

    out_of_range: Annotated[
        str, Choice(("accept", "reject")), "What to do with a number outside the range seen in training"
    ] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything Sluice knows about one model."""

    name: Annotated[str, NAME, "The model's name, also in AWS"]
    description: Annotated[str, Text(256, least=0), "What the model is for"] = ""
    data: Annotated[Data, Section(Data), "What the training data and the requests look like"]
    pipeline: Annotated[Pipeline, Section(Pipeline), "How the model is trained"]
    inference: Annotated[InferenceSettings, Section(InferenceSettings), "How live requests are treated"] = (
        InferenceSettings()
    )
    endpoint: Annotated[Endpoint, Section(Endpoint), "Where the model serves"]
    origin: Annotated[AllowedOrigin, Section(AllowedOrigin, terse=True), "What a version may be made of"] = field(
        default_factory=AllowedOrigin
    )
    rollout: Annotated[Rollout, Section(Rollout), "How a new version takes over"] = field(default_factory=Rollout)
    schedule: Annotated[
        Schedule | None, Maybe(Section(Schedule)), "When to train by the clock, besides when data comes"
    ] = None

    @classmethod
    def parse(cls, raw: Mapping[str, object], rules: Sequence[Rule] = ()) -> Self:
        """The spec in ``raw``; raises ``SpecError`` with every problem at once.

        ``rules`` are further rules that the caller knows of, such as what the pipeline's parameters may be.
        """
        reading = Reading()
        spec = Section(cls).read(raw, "", reading)
        reading.problems.extend(broken_rules(reading.values, (*RULES, *rules)))
        if spec is not INVALID:
            reading.problems.extend(_unstorable(spec))
        if reading.problems:
            raise SpecError(reading.problems)
        return cls._settled(spec)

    @classmethod
    def _settled(cls, spec: Self) -> Self:
        """Resolves ``auto`` to the strategy that it means, as any other default is written out."""
        strategy = strategy_of(spec.endpoint.type, spec.rollout.strategy)
        return replace(spec, rollout=replace(spec.rollout, strategy=strategy))

    def to_json(self) -> dict[str, Any]:
        """The spec as ``parse`` reads it back; defaults are written out, so a later default does not change it."""
        return Section(type(self)).write(self)

    def stored(self) -> str:
        """The text kept in SSM; at most ``STORED_MAX_BYTES`` long once parsed."""
        return json.dumps(self.to_json(), separators=(",", ":"), ensure_ascii=False)


def _unstorable(spec: ModelSpec) -> Iterator[Problem]:
    text = spec.stored()
    size = len(text.encode())
    if size > STORED_MAX_BYTES:
        message = f"takes {size} bytes as JSON; fewer columns or categories make it shorter"
        yield Problem("", None, f"up to {STORED_MAX_BYTES} bytes (one SSM parameter)", message)
    if "{{" in text:
        yield Problem("", "{{", "text without {{", "holds {{, which SSM takes for a reference and refuses")
