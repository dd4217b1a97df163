"""``cl2d schema``: every option of a classification as JSON, for programs that make forms of it."""

from __future__ import annotations

import json
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

import cl2d
from cl2d.cli.parameters import OptionField, flag, plain_type
from cl2d.options import STAGES, python_name
from cl2d.pipeline.align import MEANINGLESS

FORMAT = 1
"""Grows if the meaning of a key changes; keys may be added without."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_LIMITS = {
    "minimum": "ge",
    "exclusive_minimum": "gt",
    "maximum": "le",
    "exclusive_maximum": "lt",
}


def schema() -> None:
    """Print every option of a classification as JSON: names, help, units, ranges, defaults."""
    print(json.dumps(collect_schema(), indent=2))


def collect_schema() -> dict[str, Any]:
    """Return what ``schema`` prints, with plain values."""
    options = [
        _option(stage, model, name)
        for stage, model in STAGES.items()
        for name in model.model_fields
    ]
    names = [option["name"] for option in options]
    return {
        "format": FORMAT,
        "version": cl2d.__version__,
        "commands": {
            "classify": names,
            "align": [name for name in names if name not in MEANINGLESS],
        },
        "options": options,
    }


def _option(stage: str, model: type[BaseModel], name: str) -> dict[str, Any]:
    field = OptionField(name, model.model_fields[name], str(model.model_config.get("title")))
    kind, choices = field.type_and_choices()
    is_switch = kind is bool
    return {
        "name": name,
        "python_name": python_name(model, name),
        "flag": flag(name),
        "off_flag": flag(f"no_{name}") if is_switch and field.default else None,
        "stage": stage,
        "group": field.panel,
        "expert": bool(field.facts.get("expert")),
        "help": field.field.description,
        "type": _TYPES[int if field.words else plain_type(kind)],
        "choices": list(choices) or None,
        "words": list(field.words) or None,
        "unit": field.facts.get("unit"),
        **_limits(field),
        "default": field.default,
        "automatic": field.facts.get("automatic"),
    }


def _limits(field: OptionField) -> dict[str, float | None]:
    """Return the limits of a number; a number that may be a word has them in its own type."""
    parts = [part for part in get_args(field.field.annotation) if get_origin(part) is Annotated]
    constraints = [*field.field.metadata, *(fact for part in parts for fact in get_args(part)[1:])]
    found: dict[str, float | None] = dict.fromkeys(_LIMITS)
    for constraint in constraints:
        for key, short in _LIMITS.items():
            limits = getattr(constraint, "metadata", [constraint])  # pydantic wraps its own
            values = [getattr(limit, short, None) for limit in limits]
            found[key] = next((value for value in values if value is not None), found[key])
    return found
