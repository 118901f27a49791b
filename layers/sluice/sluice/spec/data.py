"""The schema of a model's rows: the ``data`` section of a spec, from which the data contract is made."""

from dataclasses import dataclass
from typing import Annotated

from sluice.spec.schema.collection_fields import Items, Maybe
from sluice.spec.schema.fields import Choice, Flag, Number, Text, Whole
from sluice.spec.schema.section import Section

ONE_LINE = Text(128)
ANY_NUMBER = Maybe(Number(-1e15, 1e15))
CATEGORIES = Items(ONE_LINE, 0, 1000)
MISSING_VALUES = Items(ONE_LINE, 0, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One feature of a row."""

    name: Annotated[str, ONE_LINE, "The column's title in data files"]
    type: Annotated[str, Choice(("number", "integer", "category")), "number | integer | category"]
    categories: Annotated[
        tuple[str, ...], CATEGORIES, "The values a category may have; learned from the data if empty"
    ] = ()
    min: Annotated[float | None, ANY_NUMBER, "The smallest number allowed"] = None
    max: Annotated[float | None, ANY_NUMBER, "The largest number allowed"] = None
    nullable: Annotated[bool, Flag(), "Whether a value may be missing; training fills it in"] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetValues:
    """What the target may be: a number for regression, one of two categories for classification."""

    type: Annotated[str, Choice(("number", "integer", "category")), "A category makes the model a classifier"] = (
        "number"
    )
    categories: Annotated[tuple[str, ...], CATEGORIES, "The two values that a category has"] = ()
    positive: Annotated[str, Text(128, least=0), "The category whose probability the model predicts"] = ""
    min: Annotated[float | None, ANY_NUMBER, "The smallest number allowed"] = None
    max: Annotated[float | None, ANY_NUMBER, "The largest number allowed"] = None
    nullable: Annotated[bool, Flag(), "Whether it may be missing; such a row is left out of training"] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What a row of this model's data looks like."""

    target: Annotated[str, ONE_LINE, "The column to predict"]
    target_values: Annotated[TargetValues, Section(TargetValues, terse=True), "What the target may be"] = TargetValues()
    columns: Annotated[
        tuple[Column, ...],
        Items(Section(Column, terse=True), 1, 1000),
        "The features, in the order in which requests send them",
    ]
    max_missing_share: Annotated[
        float, Number(0, 1), "Refuse data in which more than this share of a feature's values is missing"
    ] = 0.2
    min_rows: Annotated[int, Whole(1, 1_000_000_000), "Refuse a file with fewer rows that have a target"] = 1
    max_rows: Annotated[int | None, Maybe(Whole(1, 1_000_000_000)), "Refuse a file with more rows"] = None
    encoding: Annotated[str, Choice(("utf-8", "latin-1", "windows-1252")), "How the files spell characters"] = "utf-8"
    header: Annotated[
        bool, Flag(), "Whether the first line names the columns; else they come as listed, the target last"
    ] = True
    decimal: Annotated[str, Choice((".", ",")), "The decimal mark of numbers; a cell with a comma is quoted"] = "."
    missing_values: Annotated[
        tuple[str, ...], MISSING_VALUES, "Cells that mean a gap, beside empty ones, in every column"
    ] = ()
    examples_in_reasons: Annotated[
        bool,
        Flag(),
        "Whether events, mail, tables and job messages may quote cells and scored rows; the reason file always does",
    ] = False
    mode: Annotated[
        str, Choice(("accumulate", "latest")), "Whether a run trains on all files so far, or on the new ones only"
    ] = "accumulate"
    settle_seconds: Annotated[
        int, Whole(0, 300), "How long no upload must come before a run starts on those that came"
    ] = 30

    @property
    def is_classification(self) -> bool:
        return self.target_values.type == "category"
