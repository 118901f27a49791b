"""Rules between the fields of a spec's ``data`` and ``pipeline.gate``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sluice.errors import Problem
from sluice.spec.pipeline import QualityGate
from sluice.spec.schema.reading import element
from sluice.spec.schema.rule import Rule

_CONTAINER_ARGUMENT_MAX = 256
_REGRESSION_ONLY = ("rmse", "mae", "r2")
_CLASSIFICATION_ONLY = ("auc", "log_loss", "accuracy")


def _repeated(names: Mapping[str, str]) -> Iterator[Problem]:
    seen = set()
    for path, name in names.items():
        if name in seen:
            yield Problem(path, name, "each name once", f"{name!r} is there twice")
        seen.add(name)


def _repeated_categories(lists: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for path, names in lists.items():
        yield from _repeated({element(path, index): name for index, name in enumerate(names)})


def _missing_values(values: Sequence[str], lists: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    yield from _repeated_categories({"data.missing_values": values})
    for index, value in enumerate(values):
        place = element("data.missing_values", index)
        if value != value.strip():
            yield Problem(place, value, "without blanks around it", "blanks around a cell are never read")
        for path, names in lists.items():
            if value in names:
                yield Problem(place, value, f"none of {path}", f"{value!r} is also a category")


def _missing_target(values: Sequence[str], categories: Sequence[str]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value in categories:
            message = f"{value!r} is also a category of the target"
            yield Problem(
                element("data.missing_values", index), value, "none of data.target_values.categories", message
            )


def _numbers_with_categories(kinds: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    for path, names in lists.items():
        kind = kinds.get(path.removesuffix("categories") + "type")
        if names and kind in ("number", "integer"):
            yield Problem(path, list(names), "only with type: category", "a number has no categories")


def _ranges(
    kinds: Mapping[str, str], lows: Mapping[str, float | None], highs: Mapping[str, float | None]
) -> Iterator[Problem]:
    for path, low in lows.items():
        section = path.removesuffix("min")
        high = highs.get(section + "max")
        if (low, high) != (None, None) and kinds.get(section + "type") == "category":
            yield Problem(path, low, "only with type: number or integer", "a category has no range")
        if low is not None and high is not None and low > high:
            yield Problem(section + "max", high, f"{low:g} or more (min)", f"{high:g} is below min")


def _range_of_target(kind: str, values: object) -> Iterator[Problem]:
    low, high = getattr(values, "min", None), getattr(values, "max", None)
    place = "data.target_values."
    yield from _ranges({f"{place}type": kind}, {f"{place}min": low}, {f"{place}max": high})


def _target_categories(kind: str, categories: Sequence[str], positive: str) -> Iterator[Problem]:
    place = "data.target_values"
    if kind != "category":
        if categories or positive:
            yield Problem(place, None, "categories and positive only with type: category", "a number has neither")
        return
    if len(set(categories)) != 2 or len(categories) != 2:
        message = f"a classifier tells two categories apart, not {len(categories)}"
        yield Problem(f"{place}.categories", list(categories), "two different values", message)
    elif positive not in categories:
        yield Problem(f"{place}.positive", positive, " | ".join(categories), "is none of the categories")


def _target_among_features(target: str, names: Mapping[str, str]) -> Iterator[Problem]:
    if target in names.values():
        message = f"{target!r} is also listed as a feature"
        yield Problem("data.target", target, "a column that is not in data.columns", message)


def _rows(least: int, most: int) -> Iterator[Problem]:
    if most < least:
        yield Problem("data.max_rows", most, f"{least} or more (min_rows)", f"{most} is below min_rows")


def _gate(kind: str, gate: QualityGate) -> Iterator[Problem]:
    strangers = _REGRESSION_ONLY if kind == "category" else _CLASSIFICATION_ONLY
    task = "a classifier" if kind == "category" else "a regression"
    for name in strangers:
        if getattr(gate, name) != type(gate.mse)():
            yield Problem(f"pipeline.gate.{name}", None, "a metric of this kind of model", f"{task} has no {name}")
    if len(gate.text) > _CONTAINER_ARGUMENT_MAX:
        message = "the rules are longer than a job's argument may be"
        yield Problem("pipeline.gate", None, f"up to {_CONTAINER_ARGUMENT_MAX} characters in all", message)


DATA_RULES = (
    Rule(("data.columns[].name",), _repeated),
    Rule(("data.columns[].categories",), _repeated_categories),
    Rule(("data.missing_values", "data.columns[].categories"), _missing_values),
    Rule(("data.missing_values", "data.target_values.categories"), _missing_target),
    Rule(("data.columns[].type", "data.columns[].categories"), _numbers_with_categories),
    Rule(("data.columns[].type", "data.columns[].min", "data.columns[].max"), _ranges),
    Rule(("data.target_values.type", "data.target_values"), _range_of_target),
    Rule(
        ("data.target_values.type", "data.target_values.categories", "data.target_values.positive"), _target_categories
    ),
    Rule(("data.target", "data.columns[].name"), _target_among_features),
    Rule(("data.min_rows", "data.max_rows"), _rows),
    Rule(("data.target_values.type", "pipeline.gate"), _gate),
)
