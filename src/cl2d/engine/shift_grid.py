"""The candidate shifts of the exhaustive search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

LARGEST_PHASE_RAD = 1.15
"""Phase by which the finest compared detail may be off at the nearest candidate. Coarser grids
cost classes (docs/experiments.md): an image then scores by where it falls between candidates."""


def covering_radius_px(working_box_px: int, k_max: int) -> float:
    """Return how far from a candidate any shift may be, working pixels."""
    return LARGEST_PHASE_RAD * working_box_px / (2 * np.pi * k_max)


def shift_grid(max_shift_px: float, covering_px: float) -> npt.NDArray[np.float64]:
    """Return the points of a triangular lattice in a disc around zero, nearest first.

    Of all lattices the triangular one covers the plane with the fewest points, 23 % fewer than
    the square one.

    Parameters
    ----------
    max_shift_px : float
        Radius of the disc, working pixels; 0 leaves the zero shift alone.
    covering_px : float
        No point of the plane is farther than this from its nearest lattice point.

    Returns
    -------
    (n, 2) float64
        Shifts as (x, y). Nearest first, so that a tie is decided for the smaller shift.
    """
    spacing = np.sqrt(3.0) * covering_px
    row_height = 1.5 * covering_px
    rows = int(max_shift_px / row_height) + 1
    columns = int(max_shift_px / spacing) + 2
    row, column = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(-rows, rows + 1), np.arange(-columns, columns + 1), indexing="ij"
        )
    )
    x = spacing * (column + 0.5 * (row % 2))
    y = row_height * row
    length = np.hypot(x, y)
    inside = np.flatnonzero(length <= max_shift_px * (1 + 1e-9))
    order = inside[np.argsort(length[inside], kind="stable")]
    return np.stack([x[order], y[order]], axis=1)
