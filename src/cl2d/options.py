"""Every option of a classification: names, defaults, ranges, units and help texts, said once.

One frozen model a stage; :class:`ClassifyOptions` joins them. The command line and the Python
functions take the same options flat, by name (``ClassifyOptions.from_flat``), so a default or a
range stands nowhere else.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails


def option(
    default: Any,
    help_text: str,
    *,
    unit: str | None = None,
    automatic: str | None = None,
    python_name: str | None = None,
    expert: bool = False,
    **limits: Any,
) -> Any:
    """Return the pydantic field of one option.

    Parameters
    ----------
    default
        Value when the option is not given; None means "choose for me".
    help_text
        One sentence for people.
    unit
        Unit of the number, if it has one.
    automatic
        What None stands for, in words.
    python_name
        Name in Python where it differs from the command line's.
    expert
        Whether most users can ignore the option.
    **limits
        ``ge``, ``gt``, ``le``, ``lt`` as in :func:`pydantic.Field`.
    """
    facts = {"unit": unit, "automatic": automatic, "python_name": python_name, "expert": expert}
    extra: dict[str, JsonValue] = {key: value for key, value in facts.items() if value is not None}
    return Field(default, description=help_text, json_schema_extra=extra, **limits)


class StageOptions(BaseModel):
    """Options of one stage: frozen, no unknown names, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _unwrap_numpy_scalar(cls, value: object) -> object:
        return value.item() if isinstance(value, np.generic) else value

    def _refuse_both(self, first: str, second: str) -> None:
        if getattr(self, first) is not None and getattr(self, second) is not None:
            template = "{first} and {second} must not both be given"
            raise _conflict(template, first, second)


def _conflict(template: str, first: str, second: str) -> PydanticCustomError:
    """Return the error of two options that do not go together, named by whoever words it."""
    names = {"first": first, "second": second}
    return PydanticCustomError("conflict", template, {**names, "template": template})


class PreprocessOptions(StageOptions):
    """How the images are made ready: mask, band limit and whitening."""

    model_config = ConfigDict(title="Preprocessing")

    mask_diameter_angstrom: float | None = option(
        None,
        "Diameter of the soft circular mask around the particle.",
        unit="angstrom",
        automatic="the whole box",
        gt=0,
    )
    mask_diameter_px: float | None = option(
        None,
        "The same in pixels of the input, for images without a pixel size.",
        unit="px",
        automatic="the whole box",
        gt=0,
    )
    resolution_angstrom: float | None = option(
        None,
        "Finest detail to compare; sets the size the images are worked on at.",
        unit="angstrom",
        automatic="from the images",
        gt=0,
    )
    whiten: bool = option(
        True, "Weight each spatial frequency by the noise found there.", expert=True
    )

    @model_validator(mode="after")
    def _one_mask(self) -> Self:
        self._refuse_both("mask_diameter_angstrom", "mask_diameter_px")
        return self


class AlignmentOptions(StageOptions):
    """How an image is compared with a class average, and over which poses."""

    model_config = ConfigDict(title="Alignment")

    max_shift_px: float | None = option(
        None,
        "Largest shift tried, in any direction.",
        unit="px",
        automatic="10 % of the box",
        ge=0,
    )
    max_shift_angstrom: float | None = option(
        None,
        "The same in angstrom.",
        unit="angstrom",
        automatic="10 % of the box",
        ge=0,
    )
    mirrors: bool = option(True, "Also try the mirror image of each particle.")
    similarity: Literal["correlation"] = option(
        "correlation", "Measure of likeness of image and average.", expert=True
    )

    @model_validator(mode="after")
    def _one_shift(self) -> Self:
        self._refuse_both("max_shift_px", "max_shift_angstrom")
        return self


class LevelOptions(StageOptions):
    """How the classes grow: from a few, level by level, to the number asked for."""

    model_config = ConfigDict(title="Classes")

    classes: int = option(64, "Number of classes.", python_name="n_classes", ge=1)
    initial_classes: int = option(
        4, "Classes at the first level; each level doubles them. Never more than asked for.", ge=1
    )
    iterations: int = option(10, "Most iterations at each level.", ge=1)
    min_change_percent: float = option(
        0.5,
        "A level ends when fewer images than this change their class.",
        unit="%",
        expert=True,
        ge=0,
        le=100,
    )
    min_class_percent: float = option(
        20.0,
        "A class smaller than this share of the mean class is refilled by splitting a large one.",
        unit="%",
        expert=True,
        ge=0,
        le=100,
    )
    allow_fewer: bool = option(
        False, "Let classes that run empty disappear instead of refilling them.", expert=True
    )
    clustering: Literal["classical"] = option(
        "classical", "Rule by which an image chooses its class.", expert=True
    )
    seed: int = option(0, "Seed of every random choice; same seed, same result.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _start_with_no_more_than_asked(cls, values: Any) -> Any:
        """Lower the *default* first level for a small number of classes; an explicit one stays."""
        classes = values.get("classes") if isinstance(values, dict) else None
        if isinstance(classes, (int, np.integer)) and "initial_classes" not in values:
            default = cls.model_fields["initial_classes"].default
            return {**values, "initial_classes": max(1, min(default, int(classes)))}
        return values

    @model_validator(mode="after")
    def _first_level_fits(self) -> Self:
        if self.initial_classes > self.classes:
            message = (
                f"{{first}} ({self.initial_classes}) must not exceed {{second}} ({self.classes})"
            )
            raise _conflict(message, "initial_classes", "classes")
        return self

    def classes_by_level(self) -> tuple[int, ...]:
        """Return the number of classes at each level: doubling from the first to the last."""
        counts = [self.initial_classes]
        while counts[-1] < self.classes:
            counts.append(min(2 * counts[-1], self.classes))
        return tuple(counts)


class OutputOptions(StageOptions):
    """What is written, and where it may be written."""

    model_config = ConfigDict(title="Output")

    overwrite: bool = option(False, "Replace the run that the output folder already holds.")


class RunOptions(StageOptions):
    """How the machine is used; nothing here changes the result."""

    model_config = ConfigDict(title="Machine")

    threads: int | None = option(
        None, "Number of threads.", automatic="every core this process may use", ge=1
    )

    def n_threads(self) -> int:
        """Return the number of threads to start: as given, or the cores open to this process."""
        return self.threads or len(os.sched_getaffinity(0))


class ClassifyOptions(BaseModel):
    """All options of a classification, one model a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Classification")

    preprocess: PreprocessOptions = PreprocessOptions()
    alignment: AlignmentOptions = AlignmentOptions()
    levels: LevelOptions = LevelOptions()
    output: OutputOptions = OutputOptions()
    run: RunOptions = RunOptions()

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
        >>> ClassifyOptions.from_flat(n_classes=16, max_shift_px=5).levels.classes_by_level()
        (4, 8, 16)
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
        name = _known_name(given)
        stage = staged[_STAGE_OF[name]]
        if name in stage:
            message = f"{name} and {_PYTHON_NAMES[name]} are one option and must be given once"
            raise InputError(message)
        stage[name] = value
    try:
        return ClassifyOptions.model_validate(staged)
    except ValidationError as error:
        raise _readable(error, label or _PYTHON_NAMES.__getitem__) from None


def _known_name(given: str) -> str:
    if given in _FIELD_OF:
        return _FIELD_OF[given]
    names = sorted({*_PYTHON_NAMES.values()})
    near = difflib.get_close_matches(given, names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"the options are {', '.join(names)}"
    message = f"unknown option {given}: {advice}"
    raise InputError(message)


def _readable(error: ValidationError, label: Callable[[str], str]) -> Exception:
    """Return one-line wording of pydantic's findings: *name* must be *this*, not *that*."""
    findings = error.errors(include_url=False)
    message = "; ".join(_sentence(finding, label) for finding in findings)
    wrong_type = any(finding["type"].endswith("_type") for finding in findings)
    return TypeError(message) if wrong_type else InputError(message)


def _sentence(finding: ErrorDetails, label: Callable[[str], str]) -> str:
    context = finding.get("ctx", {})
    if finding["type"] == "conflict":
        first, second = label(context["first"]), label(context["second"])
        return str(context["template"]).format(first=first, second=second)
    wanted = {
        "greater_than_equal": "at least {ge:g}",
        "greater_than": "greater than {gt:g}",
        "less_than_equal": "at most {le:g}",
        "less_than": "less than {lt:g}",
        "finite_number": "a finite number",
        "literal_error": "{expected}",
        "int_type": "an integer",
        "float_type": "a number",
        "bool_type": "True or False",
    }.get(finding["type"])
    must = wanted.format(**context) if wanted else finding["msg"]
    return f"{label(str(finding['loc'][-1]))} must be {must}, not {_short(finding['input'])}"


def _short(value: object, n_characters: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= n_characters else f"{text[:n_characters]}..."
