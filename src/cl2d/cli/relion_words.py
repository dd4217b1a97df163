"""The words that RELION's External job puts on the command line, and what they mean."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cl2d.cli.parameters import OptionField, number_if_it_is_one, option_fields
from cl2d.errors import InputError
from cl2d.options import STAGES, ClassifyOptions, python_name

OUTPUT, PARTICLES, THREADS = "--o", "--in_parts", "--j"
USELESS_INPUTS = {
    "--in_movies": "movies",
    "--in_mics": "micrographs",
    "--in_coords": "coordinates",
    "--in_3dref": "a 3-D reference",
    "--in_mask": "a mask",
}
_PIPELINE = "--pipeline"
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_NEGATION = "no_"


@dataclass(frozen=True)
class RelionCall:
    """What an External job asks for.

    Attributes
    ----------
    output : Path, the folder of the job
    particles : Path
    values : options of a classification by name
    remarks : lines on what was given and is of no use
    """

    output: Path
    particles: Path
    values: dict[str, Any]
    remarks: tuple[str, ...] = ()


def output_folder(words: Sequence[str]) -> Path:
    """Return the folder of the job, which must be known before anything can go wrong there.

    Raises
    ------
    InputError
        If it is not given.
    """
    value = dict(_pairs(words)).get(OUTPUT)
    if not value:
        message = f"{OUTPUT} must be given with the folder of the job, as RELION does"
        raise InputError(message)
    return Path(value)


def parse_words(words: Sequence[str]) -> RelionCall:
    """Return what the words of an External job ask for.

    Labels may be written with hyphens or underscores. A switch takes true or false, yes or no, 1
    or 0; without a value it is on. What RELION adds for its pipeline is ignored.

    Raises
    ------
    InputError
        If a label is unknown, given twice or without a value, or particles are missing.
    """
    output = output_folder(words)
    given: dict[str, str | None] = {}
    for name, value in _pairs(words):
        if name in given:
            message = f"{name} must be given once"
            raise InputError(message)
        given[name] = value
    particles = given.get(PARTICLES)
    if not particles:
        message = f"{PARTICLES} must be given: choose particles among the inputs of the job"
        raise InputError(message)
    remarks = tuple(
        f"{name} {given[name] or ''} is ignored: {what} cannot help in two dimensions"
        for name, what in USELESS_INPUTS.items()
        if name in given
    )
    own = (OUTPUT, PARTICLES, THREADS, *USELESS_INPUTS)
    values = _option_values(
        {k: v for k, v in given.items() if k not in own and not k.startswith(_PIPELINE)}
    )
    if given.get(THREADS):
        values.setdefault("threads", _typed(_FIELDS["threads"], THREADS, given[THREADS]))
    return RelionCall(output, Path(particles), values, remarks)


def _pairs(words: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return names and values in turn; a name that no value follows has None."""
    pairs: list[tuple[str, str | None]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            pairs.append((name, value if equals else None))
        elif pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], word)
        else:
            after = f" after {pairs[-1][0]} {pairs[-1][1]}" if pairs else ""
            message = f"every value must follow a --label of its own, but '{word}' stands{after}"
            raise InputError(message)
    return pairs


def _option_values(given: dict[str, str | None]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for label, text in given.items():
        field, is_on = _known(label)
        if field.name in values:
            message = f"{label} must be given once, under one of its names"
            raise InputError(message)
        value = _typed(field, label, text)
        values[field.name] = value if is_on else not value
    return values


def _known(label: str) -> tuple[OptionField, bool]:
    """Return the option of a label, and False if the label negates it."""
    name = label.removeprefix("--").replace("-", "_").lower()
    if name in _FIELDS:
        return _FIELDS[name], True
    positive = _FIELDS.get(name.removeprefix(_NEGATION))
    if name.startswith(_NEGATION) and positive and positive.type_and_choices()[0] is bool:
        return positive, False
    near = difflib.get_close_matches(name, _FIELDS, n=1, cutoff=0.0)
    message = f"{label} must be an option of cl2d classify; the nearest is --{near[0]}"
    raise InputError(message)


def _typed(field: OptionField, label: str, text: str | None) -> Any:
    """Return a value as its option wants it; what cannot be one is left for the option to refuse.

    Numbers may come with white space or as ``4.0`` from fields of the GUI.
    """
    kind, _ = field.type_and_choices()
    if kind is bool:
        return _switch(label, text)
    if text is None or not text.strip():
        message = f"{label} must have a value"
        raise InputError(message)
    if field.number_or_word:
        return number_if_it_is_one(text)
    if kind in (int, float):
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if kind is int and number.is_integer() else number
    return text


def _switch(label: str, text: str | None) -> bool:
    word = (text or "").strip().lower()
    if word in _FALSE:
        return False
    if word in _TRUE or not word:
        return True
    message = f"{label} must be {' or '.join((_TRUE[1], _FALSE[1]))}, not {text}"
    raise InputError(message)


def _fields_by_name() -> dict[str, OptionField]:
    """Return every option of a classification by its names: command line's and Python's."""
    fields = {field.name: field for field in option_fields(ClassifyOptions)}
    names = {
        python_name(model, name): fields[name]
        for model in STAGES.values()
        for name in model.model_fields
    }
    return {**names, **fields}


_FIELDS = _fields_by_name()
