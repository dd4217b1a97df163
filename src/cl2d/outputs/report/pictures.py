"""Averages and particles as small grey pictures that are part of the page."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cl2d.outputs.gallery import grey_levels

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Greys = npt.NDArray[np.uint8]

JPEG_QUALITY = 86

AVERAGES_PIXELS, CORES_PIXELS, TREE_PIXELS = 4_000_000, 2_500_000, 1_500_000
"""Pixels of the averages of all members, of cores and stable cores, and of earlier levels: of all
classes together. A grey JPEG takes a fifth of a byte for each, of noise three fifths, and a third
more as text."""
_SMALLEST_SIDE_PX, _LARGEST_AVERAGE_PX, _LARGEST_LEAF_PX = 24, 160, 64


def average_side_px(n_pictures: int) -> int:
    """Return the side to which a number of averages is reduced, so that the page stays small."""
    return _side(AVERAGES_PIXELS, n_pictures, _LARGEST_AVERAGE_PX)


def core_side_px(n_pictures: int) -> int:
    """Return the same for the averages of cores and stable cores."""
    return _side(CORES_PIXELS, n_pictures, _LARGEST_AVERAGE_PX)


def tree_side_px(n_pictures: int) -> int:
    """Return the side of the pictures of the classes of earlier levels."""
    return _side(TREE_PIXELS, n_pictures, _LARGEST_LEAF_PX)


def average_pictures(
    averages: npt.NDArray[np.float32], mask_radius_px: float | None, side_px: int
) -> list[str]:
    """Return averages as data URIs, at most so large; greys as in gallery.png."""
    return [data_uri(_reduced(grey_levels(a, mask_radius_px), side_px)) for a in averages]


def strip(tiles: Iterable[Greys]) -> str:
    """Return square pictures side by side as one data URI."""
    return data_uri(Image.fromarray(np.concatenate(list(tiles), axis=1)))


def data_uri(picture: Image.Image) -> str:
    """Return a grey picture as the address of a JPEG that is held in the address itself."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _side(n_pixels: int, n_pictures: int, largest_px: int) -> int:
    side = math.isqrt(n_pixels // max(n_pictures, 1))
    return min(max(side, _SMALLEST_SIDE_PX), largest_px)


def _reduced(greys: Greys, side_px: int) -> Image.Image:
    picture = Image.fromarray(greys)
    if len(greys) <= side_px:
        return picture
    return picture.resize((side_px, side_px), Image.Resampling.LANCZOS)
