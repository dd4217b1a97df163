"""The options of each stage: one frozen model, one line a fact."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cl2d.errors import InputError
from cl2d.options.class_count import (
    IMAGES_PER_AUTOMATIC_CLASS,
    MOST_AUTOMATIC_CLASSES,
    ClassCount,
    most_automatic_classes,
)
from cl2d.options.hand_over import HandOverFormats, formats_in

AUTOMATIC_SHIFT_SHARE = 0.1
"""Radius of the searched disc as a share of the box, unless it is given."""


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
            raise conflict(template, first, second)


def conflict(template: str, first: str, second: str) -> PydanticCustomError:
    """Return the error of two options that do not go together, named by whoever words it."""
    names = {"first": first, "second": second}
    return PydanticCustomError("conflict", template, {**names, "template": template})


class PreprocessOptions(StageOptions):
    """How the images are made ready: contrast transfer, mask, band limit and whitening."""

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
    ctf: Literal["none", "flip", "full"] | None = option(
        None,
        "Contrast transfer: taken as it is, its phases flipped by the defoci of the table, or "
        "averages corrected for its amplitudes, too.",
        automatic="flip if the images show that nobody did",
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
    search: Literal["exhaustive", "fast"] = option(
        "exhaustive",
        "How classes are compared in each iteration: all at all shifts; or fast: all where the "
        "particle was last, and the best few at all shifts. The last iteration is exhaustive.",
    )
    similarity: Literal["likelihood", "correlation", "correntropy"] = option(
        "likelihood",
        "Measure of likeness of image and average: likelihood, which allows for how well members "
        "of each class fit it; correlation alone; or correntropy of the best few classes by "
        "correlation, which is deaf to pixels that are far off.",
        expert=True,
    )

    @model_validator(mode="after")
    def _one_shift(self) -> Self:
        self._refuse_both("max_shift_px", "max_shift_angstrom")
        return self

    def shift_radius_px(self, box_px: int, pixel_size_angstrom: float | None) -> float:
        """Return the radius of the searched disc in pixels of the input box.

        Raises
        ------
        InputError
            If it is given in angstrom and the pixel size is not known, or exceeds half the box.
        """
        radius = AUTOMATIC_SHIFT_SHARE * box_px
        if self.max_shift_px is not None:
            radius = self.max_shift_px
        elif self.max_shift_angstrom is not None:
            if pixel_size_angstrom is None:
                message = (
                    "max_shift_angstrom needs a pixel size, which the particles do not have; "
                    "give max_shift_px"
                )
                raise InputError(message)
            radius = self.max_shift_angstrom / pixel_size_angstrom
        if radius > box_px / 2:
            message = (
                f"the largest shift must be at most half the box of {box_px} px, not {radius:g} px"
            )
            raise InputError(message)
        return radius


class LevelOptions(StageOptions):
    """How the classes grow: from a few, level by level, to the number asked for."""

    model_config = ConfigDict(title="Classes")

    classes: ClassCount = option(
        64,
        "Number of classes, 1 or more; or auto: as many as the images surely tell apart.",
        python_name="n_classes",
    )
    max_classes: int | None = option(
        None,
        "Most classes that auto may find.",
        automatic=f"one for every {IMAGES_PER_AUTOMATIC_CLASS} images, {MOST_AUTOMATIC_CLASSES} "
        "at most",
        expert=True,
        ge=1,
    )
    initial_classes: int = option(
        4, "Classes at the first level; each level doubles them. Never more than asked for.", ge=1
    )
    references: str | None = option(
        None,
        "Averages to start from: a stack, a table of images such as classes.star, or the folder "
        "of an earlier run. They are the classes of the first level.",
        automatic="random classes",
    )
    iterations: int = option(
        10,
        "Most iterations at each level; the last level, where small classes still grow, may take "
        "twice as many.",
        ge=1,
    )
    images_per_class: int = option(
        2000,
        "Most iterations look at this many images a class on average, evenly spread; the last ones "
        "of each level look at all. 0: all iterations do.",
        expert=True,
        ge=0,
    )
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
        "A class smaller than this share of the mean class is refilled by splitting a large one; "
        "half of it is the least share of a class that a half gets.",
        unit="%",
        expert=True,
        ge=0,
        le=100,
    )
    allow_fewer: bool = option(
        False, "Let classes that run empty disappear instead of refilling them.", expert=True
    )
    clustering: Literal["classical", "robust"] = option(
        "classical",
        "Rule by which an image chooses its class: the best score, or the most remarkable one "
        "among those of the class's members and non-members.",
        expert=True,
    )
    split_by: Literal["component", "fit", "better"] = option(
        "component",
        "How a class is cut in two: along the leading component of its aligned images, at the "
        "median of their scores, or by whichever fits held-out members better.",
        expert=True,
    )
    exchange: bool = option(
        True,
        "At the last level, join classes that show one view and cut as many that show two, where "
        "held-out images fit better for it.",
        expert=True,
    )
    settle: bool = option(
        True,
        "End with iterations whose averages are made of the members that are sure of their class.",
        expert=True,
    )
    seed: int = option(0, "Seed of every random choice; same seed, same result.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _start_with_no_more_than_asked(cls, values: Any) -> Any:
        """Lower the *default* first level for a small number of classes; an explicit one stays."""
        if not isinstance(values, dict) or "initial_classes" in values:
            return values
        limit = "max_classes" if values.get("classes") == "auto" else "classes"
        most = values.get(limit)
        if isinstance(most, (int, np.integer)):
            default = cls.model_fields["initial_classes"].default
            return {**values, "initial_classes": max(1, min(default, int(most)))}
        return values

    @model_validator(mode="after")
    def _first_level_fits(self) -> Self:
        limit = "max_classes" if self.classes == "auto" else "classes"
        most = getattr(self, limit)
        if most is not None and self.initial_classes > most:
            message = f"{{first}} ({self.initial_classes}) must not exceed {{second}} ({most})"
            raise conflict(message, "initial_classes", limit)
        return self

    @property
    def automatic(self) -> bool:
        """Whether the number of classes is to be found."""
        return self.classes == "auto"

    def most_classes(self, n_images: int) -> int:
        """Return the number of classes asked for, or what it may be at most if it is to be found.

        Parameters
        ----------
        n_images
            Images that take part.
        """
        if self.classes != "auto":
            return self.classes
        share = most_automatic_classes(n_images)
        most = max(self.initial_classes, share) if self.max_classes is None else self.max_classes
        return min(most, n_images)


class CoreOptions(StageOptions):
    """Which members of a class are trusted."""

    model_config = ConfigDict(title="Cores")

    core: bool = option(True, "Score how well every image belongs to its class, and find cores.")
    junk_zscore: float = option(
        3.0,
        "Images with a junk z-score this high are in no core: bad picks, ice, edges, noise.",
        gt=0,
    )
    pca_zscore: float = option(
        3.0,
        "Images with a PCA z-score this high, outliers among their class, are in no core.",
        gt=0,
    )
    stable_core: bool = option(
        True, "Find the members that stayed with their class through the levels."
    )
    tolerance: int = option(
        1, "Earlier levels in which a member of a stable core may have been elsewhere.", ge=0
    )
    analyze_rejected: bool = option(
        False, "Classify the images that are in no core, one class for every 300 of them."
    )


class OutputOptions(StageOptions):
    """What is written, and where it may be written."""

    model_config = ConfigDict(title="Output")

    overwrite: bool = option(False, "Replace the run that the output folder already holds.")
    evaluate: bool = option(
        True, "Measure resolution and quality of every class between half-sets of its members."
    )
    report: bool = option(
        True, "Write report.html, a page to look at the classes and to choose among them."
    )
    format: HandOverFormats = option(
        "relion",
        "Files for other programs, in folders named after them: relion, xmipp, cryosparc, several "
        "with commas between them, or none.",
    )
    relion_mirrors: Literal["flag", "split"] = option(
        "flag",
        "Mirrored members in the relion folder: in their class, with rlnIsFlip; or split off as "
        "classes of their own, whose poses RELION can apply.",
        expert=True,
    )

    @property
    def formats(self) -> tuple[str, ...]:
        """The programs to write files for, in the order of :data:`HAND_OVER_FORMATS`."""
        return formats_in(self.format)
