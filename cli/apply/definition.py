"""A folder of ``pipelines/``: the compiled SageMaker pipeline definition and the scripts its jobs run."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from sluice.errors import Problem
from sluice.spec.model import FILLED_PARAMETERS, ModelSpec, QualityGate
from sluice.spec.rules import Rule
from sluice.spec.schema.reading import suggest
from sluice.training.request_parameters import approval_parameters

from cli.failures import BadInputError

_TOKEN = re.compile(r"\$\{(\w+)\}")
_AUTHORING = "pipeline.py"
"""The module written with the SageMaker SDK; it never leaves the developer's machine."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A compiled pipeline: ``template`` still holds ``${Tokens}``, ``scripts`` are its files by name."""

    name: str
    template: Mapping[str, Any]
    scripts: Mapping[str, bytes]
    images: Mapping[str, str]
    """The XGBoost image's URI by region."""

    @property
    def text(self) -> str:
        """The template as JSON, with its tokens."""
        return json.dumps(self.template, ensure_ascii=False)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The pipeline's parameters by name."""
        return {parameter["Name"]: parameter for parameter in self.template["Parameters"]}


def available(pipelines: Path) -> list[str]:
    """The names of the compiled pipelines in a folder."""
    return sorted(path.parent.name for path in pipelines.glob("*/definition.json"))


def read_definition(pipelines: Path, name: str) -> Definition:
    """Raises ``BadInputError`` when the folder does not hold a compiled pipeline."""
    folder = pipelines / name
    try:
        return Definition(
            name=name,
            template=json.loads((folder / "definition.json").read_text(encoding="utf-8")),
            scripts={path.name: path.read_bytes() for path in sorted(folder.glob("*.py")) if path.name != _AUTHORING},
            images=json.loads((pipelines / "images.json").read_text(encoding="utf-8")),
        )
    except (OSError, ValueError) as error:
        raise BadInputError(f"Pipeline {name} in {pipelines} cannot be read: {error}") from error


def pipeline_rules(pipelines: Path) -> tuple[Rule, ...]:
    """Hold a spec to the pipelines that there are, and to the parameters of the one it names."""

    def there_is(name: str) -> Iterator[Problem]:
        there = available(pipelines)
        if name not in there:
            known = " | ".join(there) or f"nothing, for {pipelines} holds no compiled pipeline"
            yield Problem("pipeline.definition", name, known, f"there is no pipeline {name}{suggest(name, there)}")

    def takes(name: str, parameters: Mapping[str, str]) -> Iterator[Problem]:
        if name in available(pipelines):
            yield from parameter_problems(read_definition(pipelines, name), parameters)

    def can_gate(name: str, gate: QualityGate, target: str) -> Iterator[Problem]:
        known = read_definition(pipelines, name).parameters if name in available(pipelines) else None
        if known is not None and gate != QualityGate() and not {"Gate", "Live"} <= known.keys():
            yield Problem("pipeline.gate", None, "nothing", f"pipeline {name} has no Gate and Live parameters")
        if known is not None and target == "category" and "Objective" not in known:
            allowed = "number | integer"
            yield Problem("data.target_values.type", target, allowed, f"pipeline {name} has no Objective parameter")

    return (
        Rule(("pipeline.definition",), there_is),
        Rule(("pipeline.definition", "pipeline.parameters"), takes),
        Rule(("pipeline.definition", "pipeline.gate", "data.target_values.type"), can_gate),
    )


def chosen_parameters(spec: ModelSpec) -> Mapping[str, str]:
    """A spec's values for the pipeline's parameters, including those that Sluice fills."""
    objective = "binary:logistic" if spec.data.is_classification else "reg:squarederror"
    return {**spec.pipeline.parameters, "Objective": objective, "Gate": spec.pipeline.gate.text}


def parameter_problems(definition: Definition, values: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the values a spec gives to the pipeline's parameters."""
    known = definition.parameters
    approves = approval_parameters(definition.template)
    for name, value in values.items():
        path = f"pipeline.parameters.{name}"
        if name in approves:
            message = f"{name} is the approval that versions are registered with"
            yield Problem(
                path, value, "the stack's parameter RegisterVersionsAs, and the approval of a person", message
            )
        elif name not in known:
            settable = tuple(one for one in known if one not in FILLED_PARAMETERS and one not in approves)
            message = f"pipeline {definition.name} has no parameter {name}{suggest(name, settable)}"
            yield Problem(path, value, ", ".join(settable), message)
        else:
            yield from _value_problems(path, known[name], value)


def _value_problems(path: str, parameter: Mapping[str, Any], value: str) -> Iterator[Problem]:
    kind = parameter["Type"]
    if _typed(kind, value) is None:
        yield Problem(path, value, _FORMS[kind], f"{value!r} is no {kind}")
    elif parameter["Name"] == _THRESHOLD and float(value) < 0:
        yield Problem(path, value, "0 or more", f"no version can pass {value}: a mean squared error is never below 0")
    choices = parameter.get("EnumValues")
    if choices and _typed(kind, value) not in choices:
        yield Problem(path, value, " | ".join(map(str, choices)), f"{value!r} is unknown")


_THRESHOLD = "MseThreshold"
"""The pipeline's own gate, as the spec's documentation calls it."""

_FORMS = {
    "Integer": "a whole number",
    "Float": "a finite number",
    "Boolean": "true | false",
    "String": "text",
}


def _typed(kind: str, text: str) -> object | None:
    """The text as a parameter of this type, None if it is none."""
    try:
        match kind:
            case "Integer":
                return int(text)
            case "Float":
                return float(text) if isfinite(float(text)) else None
            case "Boolean":
                return {"true": True, "false": False}.get(text.lower())
    except ValueError:
        return None
    return text


def filled(definition: Definition, tokens: Mapping[str, str], spec: ModelSpec, *, register_as: str) -> str:
    """The definition as SageMaker gets it: tokens replaced, the spec's values as defaults, its caching.

    ``register_as`` is the approval that the stack's owner wants versions to be registered with.

    Raises ``BadInputError`` when a token is left over.
    """
    whole = _replaced(definition.template, tokens)
    chosen = {**chosen_parameters(spec), **dict.fromkeys(approval_parameters(whole), register_as)}
    for parameter in whole["Parameters"]:
        if parameter["Name"] in chosen:
            parameter["DefaultValue"] = _typed(parameter["Type"], chosen[parameter["Name"]])
    for step in whole["Steps"]:  # caching is only for jobs, which stand outside of conditions
        if "CacheConfig" in step:
            step["CacheConfig"] = _caching(spec.pipeline.cache_seconds)
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    if "${" in text:
        left = ", ".join(sorted(set(_TOKEN.findall(text)))) or "an unfinished ${"
        raise BadInputError(f"Pipeline {definition.name} asks for what apply does not know: {left}")
    return text


def _caching(seconds: int | None) -> dict[str, object]:
    """An ISO 8601 duration of whole minutes: SageMaker documents years to minutes, and no seconds.

    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html
    """
    if seconds is None:
        return {"Enabled": False}
    days, rest = divmod(seconds, 86_400)
    return {"Enabled": True, "ExpireAfter": f"P{days}D" if rest == 0 else f"PT{max(seconds // 60, 1)}M"}


def _replaced(value: Any, tokens: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _TOKEN.sub(lambda found: tokens.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: _replaced(one, tokens) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, tokens) for one in value]
    return value


def source_archive(scripts: Mapping[str, bytes]) -> bytes:
    """A tar.gz of the scripts, the same bytes for the same scripts on every machine."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(scripts):
            member = tarfile.TarInfo(name)  # owner 0:0, no names, time 0
            member.size = len(scripts[name])
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(scripts[name]))
    return packed.getvalue()
