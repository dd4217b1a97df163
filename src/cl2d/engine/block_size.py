"""How images are cut into blocks, and what a block costs."""

from __future__ import annotations

from cl2d import _native

BLOCK_IMAGES = 4096
"""Images in a block. Fixed whatever the number of threads or workers: sums are merged block by
block, so it decides the last bits of the averages."""


def polar_grid(working_box_px: int, k_min: int, k_max: int, radius_px: float) -> _native.PolarGrid:
    """Return the polar grid of a run; the radius is that of the soft mask, working pixels."""
    return _native.PolarGrid(working_box_px, k_min, k_max, radius_px)


def bytes_per_image(working_box_px: int, k_min: int, k_max: int, radius_px: float) -> int:
    """Return the memory that one image takes for the whole run, in bytes."""
    grid = polar_grid(working_box_px, k_min, k_max, radius_px)
    return int(grid.n_coefficients) * 2 * 4
