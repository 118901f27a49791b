"""``sluice schema``: the JSON Schema of a spec, which gives editors completion and checks while typing."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import MISSING
from typing import Any

from sluice.spec.model import ModelSpec
from sluice.spec.schema.collection_fields import Items, Maybe, OrOff, Parameters
from sluice.spec.schema.fields import Choice, Duration, Flag, Number, Text, Whole
from sluice.spec.schema.reading import Kind
from sluice.spec.schema.section import Section, SpecField, fields_of

from cli.failures import OK
from cli.session import CliSession, Commands


def add_to(commands: Commands) -> None:
    command = commands.add_parser("schema", help="print the JSON Schema of models/*.yaml, for editors")
    command.set_defaults(run=run)


def run(_arguments: Namespace, session: CliSession) -> int:
    session.out.text(json.dumps(spec_schema(), indent=2))
    session.out.result(spec_schema())
    return OK


def spec_schema() -> dict[str, Any]:
    """The schema that models/model.schema.json holds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A model of Sluice",
        **schema_of(Section(ModelSpec)),
    }


def schema_of(kind: Kind) -> dict[str, Any]:
    """What JSON Schema can say about one kind of value; rules between fields are left to ``sluice apply``."""
    match kind:
        case Section():
            return _schema_of_section(kind)
        case Items():
            return {
                "type": "array",
                "minItems": kind.least,
                "maxItems": kind.most,
                "items": schema_of(kind.of),
            }
        case Maybe():
            return {"anyOf": [schema_of(kind.of), {"type": "null"}]}
        case OrOff():
            return {"anyOf": [schema_of(kind.of), {"enum": ["off", False]}]}
        case Parameters():
            return _schema_of_parameters(kind)
        case _:
            return _schema_of_value(kind)


def _schema_of_value(kind: Kind) -> dict[str, Any]:
    match kind:
        case Text():
            pattern = f"^(?:{kind.pattern})$"
            return {"type": "string", "minLength": kind.least, "maxLength": kind.most, "pattern": pattern}
        case Choice():
            return {"enum": list(kind.values)}
        case Flag():
            return {"type": "boolean"}
        case Whole():
            return {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        case Number():
            low, high = ("exclusiveMinimum", "exclusiveMaximum") if kind.inside else ("minimum", "maximum")
            return {"type": "number", low: kind.least, high: kind.most}
        case Duration():
            return {"type": "string", "pattern": "^[0-9]{1,9}[smhd]$"}
    raise TypeError(f"{kind} has no JSON Schema")


def _schema_of_section(kind: Section) -> dict[str, Any]:
    known = fields_of(kind.of).values()
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [entry.key for entry in known if entry.default is MISSING],
        "properties": {entry.key: _schema_of_entry(entry) for entry in known},
    }


def _schema_of_entry(entry: SpecField) -> dict[str, Any]:
    schema = {"description": entry.meaning, **schema_of(entry.kind)}
    if entry.default is not MISSING:
        schema["default"] = entry.kind.write(entry.default)
    return schema


def _schema_of_parameters(kind: Parameters) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": kind.most,
        "propertyNames": {"pattern": "^[A-Za-z0-9](-*[A-Za-z0-9])*$", "not": {"enum": list(kind.taken)}},
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }
