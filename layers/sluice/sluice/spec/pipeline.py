"""How a model is trained, and how good a version must be: the ``pipeline`` section of a spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from sluice.names import MODEL, MODEL_MAX
from sluice.spec.schema.collection_fields import Maybe, OrOff, Parameters
from sluice.spec.schema.fields import Duration, Number, Text
from sluice.spec.schema.section import Section, fields_of

FILLED_PARAMETERS = ("InputData", "DataContract", "ModelPackageGroupName", "Objective", "Gate", "Live")
"""Parameters of every pipeline that Sluice fills itself."""

NAME = Text(MODEL_MAX, pattern=MODEL.pattern, example="lower-case letters, digits and inner hyphens, letter first")
_BOUND = Maybe(Number(-1e15, 1e15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a metric of a version must keep to."""

    min: Annotated[float | None, _BOUND, "Not less than this"] = None
    max: Annotated[float | None, _BOUND, "Not more than this"] = None


_LIMIT = Section(Limit, terse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityGate:
    """What a version must reach in evaluation to be registered, beside the pipeline's own MseThreshold."""

    mse: Annotated[Limit, _LIMIT, "Mean squared error; of a classifier's probability, the Brier score"] = Limit()
    rmse: Annotated[Limit, _LIMIT, "Root of the mean squared error (regression)"] = Limit()
    mae: Annotated[Limit, _LIMIT, "Mean absolute error (regression)"] = Limit()
    r2: Annotated[Limit, _LIMIT, "Share of the variance that is explained (regression)"] = Limit()
    auc: Annotated[Limit, _LIMIT, "Area under the ROC curve (classification)"] = Limit()
    log_loss: Annotated[Limit, _LIMIT, "Logarithmic loss (classification)"] = Limit()
    accuracy: Annotated[Limit, _LIMIT, "Share of right answers at probability one half (classification)"] = Limit()
    not_worse_than_live_percent: Annotated[
        float | None,
        Maybe(Number(0, 1000, unit="percent")),
        "How much worse than the version in service it may be: in mse, or in auc for a classifier",
    ] = None

    @property
    def text(self) -> str:
        """The rules as the evaluation step takes them: ``mse<=6 auc>=0.9 live<=10``; ``none`` without any rule."""
        rules = []
        for name in fields_of(QualityGate):
            limit = getattr(self, name)
            if isinstance(limit, Limit):
                rules += [f"{name}>={limit.min:.12g}"] if limit.min is not None else []
                rules += [f"{name}<={limit.max:.12g}"] if limit.max is not None else []
        if self.not_worse_than_live_percent is not None:
            rules.append(f"live<={self.not_worse_than_live_percent:.12g}")
        return " ".join(rules) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The SageMaker pipeline that turns data into a model version."""

    definition: Annotated[str, NAME, "A folder of pipelines/"]
    parameters: Annotated[
        Mapping[str, str],
        Parameters(200, taken=FILLED_PARAMETERS),
        "Values for the pipeline's parameters; the pipeline's own defaults apply to the others",
    ] = field(default_factory=dict)
    cache_seconds: Annotated[
        int | None,
        OrOff(Duration(60, 365 * 86400)),
        "How long a step's result stands for the same work on the same inputs; off: every run does all of it",
    ] = 30 * 86400
    gate: Annotated[
        QualityGate, Section(QualityGate, terse=True), "What a version must reach, beside the pipeline's own threshold"
    ] = QualityGate()
