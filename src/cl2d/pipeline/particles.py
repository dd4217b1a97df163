"""What the functions of the package take for particles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cl2d.errors import InputError
from cl2d.io import array_source, open_particles

if TYPE_CHECKING:
    from cl2d.io import ParticleSource
    from cl2d.io.array_source import ArrayLike3D

    Particles = str | os.PathLike[str] | ArrayLike3D | ParticleSource


def particle_source(
    particles: Particles, pixel_size_angstrom: float | None = None
) -> ParticleSource:
    """Return a source of particles for a path, an array, or a source itself.

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
