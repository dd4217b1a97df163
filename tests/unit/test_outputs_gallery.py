"""The gallery: grey scale, layout, scale bar, and a file that opens."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cl2d.outputs.gallery import (
    Gallery,
    draw_gallery,
    grey_levels,
    scale_bar_angstrom,
    sheet_columns,
    tile_side,
    write_gallery,
)

if TYPE_CHECKING:
    from pathlib import Path


def gallery(n_classes: int, box: int, pixel_size: float | None = 2.0) -> Gallery:
    rng = np.random.default_rng(n_classes)
    averages = rng.normal(size=(n_classes, box, box)).astype(np.float32)
    return Gallery(averages, np.arange(n_classes, 0, -1), pixel_size)


def test_grey_scale_holds_the_pixels_inside_the_mask_but_for_a_few() -> None:
    rng = np.random.default_rng(0)
    average = rng.normal(5.0, 2.0, size=(65, 65)).astype(np.float32)
    y, x = np.mgrid[:65, :65] - 32
    outside = x**2 + y**2 > 20**2
    average[outside] = 1e6
    average[32, 32] = 1e4
    grey = grey_levels(average, 20.0)
    assert (grey[outside] == 255).all()
    clipped = np.isin(grey[~outside], (0, 255)).mean()
    assert 0.001 < clipped < 0.006


def test_small_bright_particle_keeps_its_detail() -> None:
    y, x = np.mgrid[:64, :64] - 32
    radius = np.hypot(x, y)
    average = np.where(radius < 5, 10.0 - radius, 0.0).astype(np.float32)
    assert len(np.unique(grey_levels(average, None)[radius < 5])) > 8


@pytest.mark.parametrize("value", [0.0, 1.0, -1e6])
def test_average_without_contrast_is_mid_grey(value: float) -> None:
    assert (grey_levels(np.full((8, 8), value, dtype=np.float32), None) == 128).all()


def test_one_pixel_average_is_drawn() -> None:
    sheet = draw_gallery(Gallery(np.ones((1, 1, 1), dtype=np.float32), np.array([1])))
    assert sheet.getpixel((sheet.width // 2, sheet.height // 2)) == 128


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(100.0, 100), (99.9, 50), (49.0, 20), (1.0, 1), (0.7, 0.5), (1000.0, 1000), (3.0, 2)],
)
def test_scale_bar_has_the_longest_round_length(longest: float, expected: float) -> None:
    assert scale_bar_angstrom(longest) == pytest.approx(expected)


def test_scale_bar_is_as_long_as_it_says() -> None:
    """64 px at 2 A on a tile of 256 px: half a tile is 64 A, so 50 A and 100 px."""
    ink = np.asarray(draw_gallery(gallery(4, 64))) < 50
    footer = ink[-40:].astype(int)
    ends = np.diff(footer, axis=1, prepend=0, append=0)
    lengths = np.nonzero(ends == -1)[1] - np.nonzero(ends == 1)[1]
    assert lengths.max() == 100
    assert np.count_nonzero(lengths == 100) == 5
    no_bar = np.asarray(draw_gallery(gallery(4, 64, pixel_size=None)))
    assert (no_bar[-40:] == 255).all()


@pytest.mark.parametrize("n_classes", [8, 16, 50, 64, 100, 200])
def test_sheet_is_near_three_to_two(n_classes: int) -> None:
    sheet = draw_gallery(gallery(n_classes, 8))
    assert 1.2 < sheet.width / sheet.height < 1.9
    columns = sheet_columns(n_classes, tile_side(n_classes))
    empty_places = -n_classes % columns
    assert empty_places < columns
    assert empty_places / n_classes <= 0.15


def test_last_row_is_kept_full_where_the_shape_allows() -> None:
    """100 tiles: 14 columns are nearer to 3:2, but 15 leave 5 places empty instead of 12."""
    assert sheet_columns(100, 112) == 15


@pytest.mark.parametrize(("n_classes", "box"), [(1, 1), (1, 301), (16, 31), (200, 64)])
def test_gallery_opens_and_shows_every_tile(tmp_path: Path, n_classes: int, box: int) -> None:
    shown = gallery(n_classes, box)
    write_gallery(tmp_path / "gallery.png", shown)
    with Image.open(tmp_path / "gallery.png") as image:
        image.load()
        pixels = np.asarray(image)
    assert image.format == "PNG"
    assert pixels.shape == draw_gallery(shown).size[::-1]
    tile = tile_side(n_classes)
    assert np.count_nonzero(pixels != 255) > 0.9 * n_classes * tile**2
    assert list(tmp_path.iterdir()) == [tmp_path / "gallery.png"]


def test_tiles_stand_in_the_order_of_their_numbers() -> None:
    """Class k alone has contrast: its tile is the only one that is not an even grey."""
    for k in range(6):
        averages = np.zeros((6, 16, 16), dtype=np.float32)
        averages[k, 4:12, 4:12] = 1
        pixels = np.asarray(draw_gallery(Gallery(averages, np.full(6, 3))))
        tile, columns = tile_side(6), sheet_columns(6, tile_side(6))
        row, column = divmod(k, columns)
        top, left = 50 + row * (tile + 50), 16 + column * (tile + 8)
        assert pixels[top : top + tile, left : left + tile].std() > 10
        elsewhere = np.ones(pixels.shape, dtype=bool)
        elsewhere[top : top + tile, left : left + tile] = False
        assert np.count_nonzero(pixels[elsewhere] == 128) >= 5 * tile**2


def test_title_names_particles_left_out() -> None:
    plain = gallery(4, 16)
    named = dataclasses.replace(plain, n_in_no_class=7)
    difference = np.nonzero(np.asarray(draw_gallery(plain)) != np.asarray(draw_gallery(named)))
    assert difference[0].size > 0
    assert difference[0].max() < 50


def test_dropped_average_is_crossed_out_and_no_other() -> None:
    plain = gallery(3, 24)
    marked = dataclasses.replace(plain, dropped=np.array([False, True, False]))
    none = dataclasses.replace(plain, dropped=np.zeros(3, dtype=bool))
    without, crossed = np.asarray(draw_gallery(plain)), np.asarray(draw_gallery(marked))
    np.testing.assert_array_equal(np.asarray(draw_gallery(none)), without)
    changed = np.flatnonzero((without != crossed).any(axis=0))
    side = tile_side(3)
    # One tile, corner to corner: the lines are as wide as the tile.
    assert side - 6 <= np.ptp(changed) + 1 <= side + 6
