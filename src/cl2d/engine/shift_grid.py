"""The candidate shifts of the exhaustive search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


SHIFT_STEP_PX = 1.0
"""Distance of the searched shifts, working pixels; the quadratic fit finds what lies between."""


def shift_grid(max_shift_px: float, step_px: float = SHIFT_STEP_PX) -> npt.NDArray[np.float64]:
    """Return all grid points of a disc around zero, nearest first.

    Parameters
    ----------
    max_shift_px : float
        Radius of the disc, working pixels; 0 leaves the zero shift alone.
    step_px : float
        Distance of neighbouring points.

    Returns
    -------
    (n, 2) float64
        Shifts as (x, y). Nearest first, so that a tie is decided for the smaller shift.
    """
    reach = int(np.floor(max_shift_px / step_px + 1e-9))
    steps = np.arange(-reach, reach + 1) * step_px
    x, y = (axis.ravel() for axis in np.meshgrid(steps, steps))
    length = np.hypot(x, y)
    inside = np.flatnonzero(length <= max_shift_px + 1e-9)
    order = inside[np.argsort(length[inside], kind="stable")]
    return np.stack([x[order], y[order]], axis=1)
