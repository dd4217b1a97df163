"""What is looked at before a run starts: where the particles come from, and what cannot work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cl2d.errors import InputError
from cl2d.io import array_source, open_particles
from cl2d.io.repeated_images import repeated_images
from cl2d.preprocess import CONSTANT, DISABLED, NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.array_source import ArrayLike3D
    from cl2d.options import LevelOptions
    from cl2d.results import LevelResult

    Particles = str | os.PathLike[str] | ArrayLike3D | ParticleSource

NAMED_IMAGES = 5
"""Images that a warning lists by name."""

_LEFT_OUT = {
    NOT_FINITE: (
        "holds values that are not finite or beyond 1e24",
        "hold values that are not finite or beyond 1e24",
    ),
    CONSTANT: ("is constant", "are constant"),
    DISABLED: ("is disabled in the input", "are disabled in the input"),
}


def particle_source(
    particles: Particles, pixel_size_angstrom: float | None = None
) -> ParticleSource:
    """Return the source of whatever a caller gave as particles.

    Raises
    ------
    InputError
        If a file cannot be used, or a pixel size is given for a file, which brings its own.
    """
    if isinstance(particles, (str, os.PathLike)):
        if pixel_size_angstrom is not None:
            message = "pixel_size_angstrom must be left out for a file, which brings its own"
            raise InputError(message)
        return open_particles(Path(particles))
    if hasattr(particles, "read") and hasattr(particles, "fingerprint"):
        return cast("ParticleSource", particles)
    return array_source(particles, pixel_size_angstrom)


def enabled_images(source: ParticleSource) -> npt.NDArray[np.bool_]:
    """Return which images the input wants to take part, (n,).

    Raises
    ------
    InputError
        If it wants none.
    """
    if source.table is None:
        return np.ones(source.n_images, dtype=np.bool_)
    enabled = source.table.enabled()
    if not enabled.any():
        message = f"{source.name} must have an enabled image, but all {source.n_images} are not"
        raise InputError(message)
    return enabled


def check_number_of_classes(options: LevelOptions, n_usable: int, source: ParticleSource) -> None:
    """Refuse more classes than images, unless fewer may come out."""
    if options.most_classes(n_usable) > n_usable and not options.allow_fewer:
        images = "images" if n_usable == source.n_images else "usable images"
        message = (
            f"the number of classes ({options.classes}) must not exceed the number of {images} "
            f"({n_usable}) in {source.name}"
        )
        raise InputError(message)


def flag_warnings(flags: npt.NDArray[np.uint8], source: ParticleSource) -> list[str]:
    """Return a sentence for each reason for which images are in no class, with some names.

    And one if rows of the input name the same image, which is then counted as often.
    """
    told = [
        _flag_warning(np.flatnonzero(flags == flag), words, source)
        for flag, words in _LEFT_OUT.items()
        if (flags == flag).any()
    ]
    return told + _repeated_warnings(source)


def limit_warnings(
    options: LevelOptions, levels: Sequence[LevelResult], n_usable: int
) -> list[str]:
    """Return a sentence if the number of classes that was found is the largest allowed."""
    most = options.most_classes(n_usable)
    if not options.automatic or levels[-1].n_classes < most:
        return []
    return [
        f"the number of classes found, {most}, is the largest allowed, so some may show several "
        "views: set max_classes to allow more"
    ]


def _repeated_warnings(source: ParticleSource) -> list[str]:
    repeated = [] if source.table is None else repeated_images(source.table)
    if not repeated:
        return []
    examples = "; ".join(
        f"{source.image_name(int(rows[0]))} in rows {_numbers(rows + 1)}"
        for rows in repeated[:NAMED_IMAGES]
    )
    more = "; ..." if len(repeated) > NAMED_IMAGES else ""
    n_rows = sum(len(rows) - 1 for rows in repeated)
    what, are = ("row names an image", "is") if n_rows == 1 else ("rows name images", "are")
    return [
        f"{n_rows} of {source.n_images} {what} that an earlier row names, and {are} counted again: "
        f"{examples}{more}"
    ]


def _numbers(rows: npt.NDArray[np.intp]) -> str:
    shown = [str(row) for row in rows[:NAMED_IMAGES].tolist()]
    return ", ".join(shown) + (", ..." if len(rows) > NAMED_IMAGES else "")


def _flag_warning(
    rows: npt.NDArray[np.intp], words: tuple[str, str], source: ParticleSource
) -> str:
    what, pronoun = (words[0], "it is") if len(rows) == 1 else (words[1], "they are")
    names = ", ".join(source.image_name(int(row)) for row in rows[:NAMED_IMAGES])
    more = ", ..." if len(rows) > NAMED_IMAGES else ""
    return (
        f"{len(rows)} of {source.n_images} images {what}, so {pronoun} in no class: {names}{more}"
    )
