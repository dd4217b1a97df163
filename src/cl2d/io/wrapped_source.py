"""A source that reads from another one and changes some of what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.io.particle_table import ParticleTable
    from cl2d.io.source import ParticleSource


class WrappedSource:
    """What a source shares with the one it reads from; images and fingerprint are its own.

    Parameters
    ----------
    source : ParticleSource
    """

    def __init__(self, source: ParticleSource) -> None:
        self._source = source

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return self._source.n_images

    @property
    def box_px(self) -> int:
        """Side of the images in pixels."""
        return self._source.box_px

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Pixel size in Angstrom; None if unknown."""
        return self._source.pixel_size_angstrom

    @property
    def name(self) -> str:
        """What messages call this input."""
        return self._source.name

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read."""
        return self._source.files

    @property
    def table(self) -> ParticleTable | None:
        """The table the particles came from."""
        return self._source.table

    def image_name(self, row: int) -> str:
        """Return what the image of a row (0-based) is called."""
        return self._source.image_name(row)
