"""Some of the particles of a source, as a source of their own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from cl2d.io.wrapped_source import WrappedSource

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable
    from cl2d.io.source import ParticleSource


class SubsetSource(WrappedSource):
    """Rows of a source; those that follow each other are read together.

    Parameters
    ----------
    source : ParticleSource
    rows : (n,) intp, n >= 1
    """

    def __init__(self, source: ParticleSource, rows: npt.NDArray[np.intp]) -> None:
        super().__init__(source)
        self._rows = rows

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return len(self._rows)

    @property
    def table(self) -> ParticleTable | None:
        """The rows of the table the particles came from."""
        table = self._source.table
        return None if table is None else table.take(self._rows)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""
        rows = self._rows[start:stop]
        images = np.empty((len(rows), self.box_px, self.box_px), dtype=np.float32)
        # Neighbouring rows are read together.
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        first = 0
        for last in [*breaks.tolist(), len(rows)]:
            if last > first:
                images[first:last] = self._source.read(int(rows[first]), int(rows[last - 1]) + 1)
            first = last
        return images

    def image_name(self, row: int) -> str:
        """Return what the image of a row (0-based) is called in the whole source."""
        return self._source.image_name(int(self._rows[row]))

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of the source's and of the rows."""
        digest = hashlib.sha256(self._source.fingerprint().encode())
        digest.update(np.ascontiguousarray(self._rows, dtype="<i8").tobytes())
        return digest.hexdigest()
