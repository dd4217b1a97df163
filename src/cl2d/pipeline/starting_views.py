"""The averages that a run starts from, where it does not start from random classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cl2d.errors import InputError, InputFileError
from cl2d.io import array_source, open_references
from cl2d.outputs.folder import CLASS_AVERAGES

if TYPE_CHECKING:
    from cl2d.io import ParticleSource
    from cl2d.io.array_source import ArrayLike3D
    from cl2d.options import ClassifyOptions

    References = str | os.PathLike[str] | ArrayLike3D | ParticleSource

PIXEL_SIZE_TOLERANCE = 0.01
"""Relative: pixel sizes are calibrated to a per cent or so, and rounded in many headers."""


def open_starting_views(references: References, particles: ParticleSource) -> ParticleSource:
    """Return the averages to start from, checked against the particles.

    Parameters
    ----------
    references : path, (n, y, x) array or ParticleSource
        A path may also be the folder of an earlier run.
    particles : ParticleSource

    Raises
    ------
    InputError
        If they cannot be read, or have another box or pixel size than the particles.
    """
    views = _opened(references)
    if views.box_px != particles.box_px:
        message = (
            f"references must have the box of the particles, {particles.box_px} px, not "
            f"{views.box_px} px as in {views.name}"
        )
        raise InputError(message)
    own, other = particles.pixel_size_angstrom, views.pixel_size_angstrom
    if own is not None and other is not None and abs(other / own - 1) > PIXEL_SIZE_TOLERANCE:
        message = (
            f"references must have the pixel size of the particles, {own:g} A, not {other:g} A as "
            f"in {views.name}"
        )
        raise InputError(message)
    return views


def starting_from(views: ParticleSource, options: ClassifyOptions) -> ClassifyOptions:
    """Return the options with as many classes at the first level as there are views.

    Raises
    ------
    InputError
        If there are more views than classes.
    """
    levels = options.levels
    limit, most = "n_classes", levels.classes
    if most == "auto":
        limit, most = "max_classes", levels.max_classes or views.n_images
    if views.n_images > most:
        message = (
            f"{limit} ({most}) must be at least the number of references "
            f"({views.n_images} in {views.name})"
        )
        if most == 1:
            message += f"; one image of a stack is named as 1@{views.name}"
        raise InputError(message)
    start = levels.model_copy(update={"initial_classes": views.n_images})
    return options.model_copy(update={"levels": start})


def _opened(references: References) -> ParticleSource:
    if isinstance(references, (str, os.PathLike)):
        path = Path(references)
        if not path.is_dir():
            return open_references(path)
        if not (path / CLASS_AVERAGES).is_file():
            message = f"{path}: must be the folder of a run, with a file {CLASS_AVERAGES}"
            raise InputFileError(message)
        return open_references(path / CLASS_AVERAGES)
    if hasattr(references, "read") and hasattr(references, "fingerprint"):
        return cast("ParticleSource", references)
    return array_source(references)
