"""Regions of the box: the soft mask around the particle and what lies outside it.

Positions are relative to pixel ``box // 2`` in both axes, the origin of every image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatImage = npt.NDArray[np.float64]


def edge_width_px(box_px: int) -> float:
    """Return the width of the soft edge of the mask: 5 % of the box, at least 2 pixels."""
    return max(2.0, 0.05 * box_px)


def largest_mask_radius_px(box_px: int) -> float:
    """Return the half-height radius of the mask whose soft edge ends at the border of the box."""
    return 0.5 * box_px - 0.5 * edge_width_px(box_px)


def mask_radius_for_diameter(diameter_px: float, box_px: int) -> float:
    """Return the half-height radius of a mask that is 1 within a diameter.

    The soft edge lies outside the diameter unless the box ends first; then it moves inwards.
    """
    radius = 0.5 * (diameter_px + edge_width_px(box_px))
    return min(radius, largest_mask_radius_px(box_px))


def radius_image(box_px: int) -> FloatImage:
    """Return the distance of each pixel from the origin, (box, box) in pixels."""
    axis = np.arange(box_px) - box_px // 2
    return np.hypot(axis[:, None], axis[None, :])


def particle_mask(box_px: int, radius_px: float) -> FloatImage:
    """Return the soft circular mask: 1 inside, 0 outside, a cosine in between.

    ``radius_px`` is where it passes one half.
    """
    outwards = (radius_image(box_px) - radius_px) / edge_width_px(box_px) + 0.5
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(outwards, 0.0, 1.0))


def background_pixels(box_px: int, radius_px: float) -> npt.NDArray[np.intp]:
    """Return the flat indices of the pixels outside the disc in which the mask is 1."""
    inner_radius = radius_px - 0.5 * edge_width_px(box_px)
    return np.flatnonzero(radius_image(box_px).ravel() > inner_radius)


def background_window(box_px: int, radius_px: float) -> FloatImage:
    """Return the soft window of the region outside the particle, (box, box) in [0, 1].

    It also falls to 0 at the border of the box: an image does not continue on its other side, and
    the step there would smear strong low frequencies over all rings.
    """
    edge = edge_width_px(box_px)
    from_border = np.minimum(np.arange(box_px), np.arange(box_px)[::-1]) + 0.5
    taper = 0.5 - 0.5 * np.cos(np.pi * np.clip(from_border / edge, 0.0, 1.0))
    return (1.0 - particle_mask(box_px, radius_px)) * taper[:, None] * taper[None, :]
