"""All options of a classification, joined by stage and flat by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cl2d.errors import InputError
from cl2d.options.cluster import ClusterOptions
from cl2d.options.machine import RunOptions
from cl2d.options.stages import (
    AlignmentOptions,
    CoreOptions,
    LevelOptions,
    OutputOptions,
    PreprocessOptions,
    StageOptions,
)
from cl2d.options.wording import readable_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ClassifyOptions(BaseModel):
    """All options of a classification, one model a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Classification")

    preprocess: PreprocessOptions = PreprocessOptions()
    alignment: AlignmentOptions = AlignmentOptions()
    levels: LevelOptions = LevelOptions()
    cores: CoreOptions = CoreOptions()
    output: OutputOptions = OutputOptions()
    run: RunOptions = RunOptions()
    cluster: ClusterOptions = ClusterOptions()

    @classmethod
    def from_flat(cls, **values: object) -> ClassifyOptions:
        """Return the options from flat names, those of Python or of the command line.

        Raises
        ------
        InputError
            If a name is unknown (the message proposes the nearest one) or a value out of range.
        TypeError
            If a value has the wrong type.

        Examples
        --------
        >>> ClassifyOptions.from_flat(n_classes=16, max_shift_px=5).levels.classes
        16
        """
        return build_options(values)

    def to_flat(self) -> dict[str, Any]:
        """Return every option under its Python name; ``from_flat`` takes them back."""
        stages = (getattr(self, stage) for stage in type(self).model_fields)
        return {
            python_name(type(stage), name): getattr(stage, name)
            for stage in stages
            for name in type(stage).model_fields
        }


def python_name(model: type[BaseModel], name: str) -> str:
    """Return the name of an option in Python (``n_classes`` for ``classes``)."""
    extra = model.model_fields[name].json_schema_extra
    return str(extra.get("python_name", name)) if isinstance(extra, dict) else name


STAGES: dict[str, type[StageOptions]] = {
    stage: type(field.default) for stage, field in ClassifyOptions.model_fields.items()
}
_STAGE_OF = {name: stage for stage, model in STAGES.items() for name in model.model_fields}
_PYTHON_NAMES = {name: python_name(STAGES[stage], name) for name, stage in _STAGE_OF.items()}
_FIELD_OF = {name: name for name in _STAGE_OF} | {py: name for name, py in _PYTHON_NAMES.items()}


def build_options(
    values: Mapping[str, object], label: Callable[[str], str] | None = None
) -> ClassifyOptions:
    """Return the options from flat names, wording errors with the names of the caller's face.

    Parameters
    ----------
    values
        Option values by command-line or Python name.
    label
        Turns the name of a field into the name for messages; None = its Python name.
    """
    staged: dict[str, dict[str, object]] = {stage: {} for stage in STAGES}
    for given, value in values.items():
        name = known_name(given)
        stage = staged[_STAGE_OF[name]]
        if name in stage:
            message = f"{name} and {_PYTHON_NAMES[name]} are one option and must be given once"
            raise InputError(message)
        stage[name] = value
    try:
        return ClassifyOptions.model_validate(staged)
    except ValidationError as error:
        raise readable_error(error, label or _PYTHON_NAMES.__getitem__) from None


def known_name(given: str) -> str:
    """Return the field of an option by its name in Python or on the command line.

    Raises
    ------
    InputError
        If there is none; the message proposes the nearest.
    """
    if given in _FIELD_OF:
        return _FIELD_OF[given]
    names = sorted({*_PYTHON_NAMES.values()})
    near = difflib.get_close_matches(given, names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"the options are {', '.join(names)}"
    message = f"unknown option {given}: {advice}"
    raise InputError(message)
