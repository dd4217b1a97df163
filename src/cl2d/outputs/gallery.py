"""One picture of all class averages, with sizes and a scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cl2d.io import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_PAPER, _INK = 255, 20
_GAP_PX, _MARGIN_PX = 8, 16
_TITLE_SIZE = 18
_TITLE_HEIGHT_PX, _CAPTION_HEIGHT_PX, _FOOTER_HEIGHT_PX = 34, 42, 36
_SMALLEST_TILE_PX, _LARGEST_TILE_PX = 112, 256
_SHEET_AREA_PX = 1600 * 1067
_SHEET_ASPECT = 1.5
# What lies within three standard deviations of a normal distribution. Quantiles, because a small
# bright particle lies far outside three standard deviations of a mask that is mostly empty.
_DARKEST, _BRIGHTEST = 0.00135, 0.99865


@dataclass(frozen=True)
class Gallery:
    """What a gallery shows.

    Attributes
    ----------
    averages : (n_classes, box, box) float32, in the order of their numbers
    members : (n_classes,) number of particles in each class
    pixel_size_angstrom : sampling of the averages; None leaves out the scale bar
    mask_radius_px : disc inside which the contrast is measured; None = inscribed in the box
    n_in_no_class : particles that are in no class
    dropped : (n_classes,) bool, classes to be crossed out; None = none
    """

    averages: npt.NDArray[np.float32]
    members: npt.NDArray[np.int64]
    pixel_size_angstrom: float | None = None
    mask_radius_px: float | None = None
    n_in_no_class: int = 0
    dropped: npt.NDArray[np.bool_] | None = None


def write_gallery(path: Path, gallery: Gallery) -> None:
    """Write a gallery as a PNG file."""
    sheet = draw_gallery(gallery)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG")


def draw_gallery(gallery: Gallery) -> Image.Image:
    """Draw all averages, largest possible on a sheet of about 3:2, as an 8-bit grey picture.

    The grey scale of a tile holds 99.7 % of its pixels inside the mask, so that weak and strong
    averages can be read alike.
    """
    n_classes = len(gallery.averages)
    tile_px = tile_side(n_classes)
    columns = sheet_columns(n_classes, tile_px)
    rows = math.ceil(n_classes / columns)
    title = _title(gallery)
    title_font = ImageFont.load_default(size=_TITLE_SIZE)
    width = max(columns * (tile_px + _GAP_PX) - _GAP_PX, math.ceil(title_font.getlength(title)))
    height = rows * (tile_px + _CAPTION_HEIGHT_PX + _GAP_PX)
    sheet = Image.new(
        "L",
        (width + 2 * _MARGIN_PX, height + _TITLE_HEIGHT_PX + _FOOTER_HEIGHT_PX + _MARGIN_PX),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN_PX, _MARGIN_PX), title, fill=_INK, font=title_font, anchor="lt")
    for k in range(n_classes):
        row, column = divmod(k, columns)
        left = _MARGIN_PX + column * (tile_px + _GAP_PX)
        top = _MARGIN_PX + _TITLE_HEIGHT_PX + row * (tile_px + _CAPTION_HEIGHT_PX + _GAP_PX)
        sheet.paste(_tile(gallery, k, tile_px), (left, top))
        _draw_caption(draw, gallery, k, (left, top + tile_px), tile_px)
        if gallery.dropped is not None and gallery.dropped[k]:
            _cross_out(draw, (left, top), tile_px)
    _draw_scale_bar(draw, gallery, tile_px, sheet.height - _MARGIN_PX)
    return sheet


def tile_side(n_classes: int) -> int:
    """Return the side of a tile in pixels of the sheet: smaller when there are more classes."""
    side = math.isqrt(_SHEET_AREA_PX // max(n_classes, 1)) - _CAPTION_HEIGHT_PX
    return min(max(side, _SMALLEST_TILE_PX), _LARGEST_TILE_PX)


def sheet_columns(n_classes: int, tile_px: int) -> int:
    """Return the number of columns for a sheet near 3:2 with few places left empty."""

    def badness(columns: int) -> float:
        rows = math.ceil(n_classes / columns)
        aspect = columns * (tile_px + _GAP_PX) / (rows * (tile_px + _CAPTION_HEIGHT_PX + _GAP_PX))
        # Ten empty places in a hundred weigh as much as a sheet that is 5 % too wide.
        empty = 1 - n_classes / (rows * columns)
        return abs(math.log(aspect / _SHEET_ASPECT)) + 0.5 * empty

    return min(range(1, max(n_classes, 1) + 1), key=badness)


def grey_levels(
    average: npt.NDArray[np.float32], mask_radius_px: float | None
) -> npt.NDArray[np.uint8]:
    """Return an average as grey levels, 99.7 % of the pixels inside the mask within their range.

    An average without contrast (an empty class) becomes an even mid grey.
    """
    box = len(average)
    radius = box / 2 if mask_radius_px is None else mask_radius_px
    # At least the central pixel, however small the mask.
    squared = np.square(np.arange(box) - box // 2)
    inside = average[squared[:, None] + squared <= max(radius, 0.5) ** 2].astype(np.float64)
    low, high = np.quantile(inside, (_DARKEST, _BRIGHTEST))
    if high - low <= np.finfo(np.float32).eps * max(abs(low), abs(high)):
        return np.full(average.shape, 128, dtype=np.uint8)
    scaled = (average - low) / (high - low)
    grey: npt.NDArray[np.uint8] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return grey


def scale_bar_angstrom(longest_angstrom: float) -> float:
    """Return the longest 1, 2 or 5 times a power of ten that does not exceed a length."""
    # The small allowance keeps 100 at 100 where log10 falls short of 2.
    power = 10.0 ** math.floor(math.log10(longest_angstrom) + 1e-9)
    return max(step * power for step in (1, 2, 5) if step == 1 or step * power <= longest_angstrom)


def _tile(gallery: Gallery, k: int, tile_px: int) -> Image.Image:
    grey = Image.fromarray(grey_levels(gallery.averages[k], gallery.mask_radius_px))
    return grey.resize((tile_px, tile_px), Image.Resampling.BICUBIC)


def _title(gallery: Gallery) -> str:
    n_classes, n_particles = len(gallery.averages), int(gallery.members.sum())
    title = f"N = {n_particles:,} {'particle' if n_particles == 1 else 'particles'}"
    title += f" in K = {n_classes} {'class' if n_classes == 1 else 'classes'}"
    return f"{title}, {gallery.n_in_no_class:,} in no class" if gallery.n_in_no_class else title


def _draw_caption(
    draw: ImageDraw.ImageDraw, gallery: Gallery, k: int, corner: tuple[int, int], tile_px: int
) -> None:
    """Write class number, members and their share of all members under a tile."""
    font = ImageFont.load_default(size=_caption_size(tile_px))
    members = int(gallery.members[k])
    percent = 100 * members / max(int(gallery.members.sum()), 1)
    left, top = corner
    draw.text((left, top + 5), f"class {k + 1}", fill=_INK, font=font, anchor="lt")
    second_line = top + 9 + _caption_size(tile_px)
    draw.text(
        (left, second_line), f"{members} ({percent:.1f} %)", fill=_INK, font=font, anchor="lt"
    )


def _cross_out(draw: ImageDraw.ImageDraw, corner: tuple[int, int], tile_px: int) -> None:
    """Draw both diagonals of a tile, light on dark, so that they show on any grey."""
    (left, top), last = corner, tile_px - 1
    for width, grey in ((5, _INK), (2, _PAPER)):
        draw.line((left, top, left + last, top + last), fill=grey, width=width)
        draw.line((left, top + last, left + last, top), fill=grey, width=width)


def _caption_size(tile_px: int) -> int:
    """Return a type size at which 7-digit numbers of members fit under a tile."""
    return min(tile_px // 9, 15)


def _draw_scale_bar(draw: ImageDraw.ImageDraw, gallery: Gallery, tile_px: int, bottom: int) -> None:
    """Draw a bar of a round length, at most half a tile long, with its length in angstrom."""
    if gallery.pixel_size_angstrom is None:
        return
    angstrom_of_tile = gallery.averages.shape[-1] * gallery.pixel_size_angstrom
    length = scale_bar_angstrom(angstrom_of_tile / 2)
    length_px = round(length / angstrom_of_tile * tile_px)
    draw.rectangle((_MARGIN_PX, bottom - 8, _MARGIN_PX + length_px - 1, bottom - 4), fill=_INK)
    # The built-in font has no A with ring; a bare A is how RELION writes the unit, too.
    draw.text(
        (_MARGIN_PX + length_px + 6, bottom - 6),
        f"{length:g} A",
        fill=_INK,
        font=ImageFont.load_default(size=15),
        anchor="lm",
    )
