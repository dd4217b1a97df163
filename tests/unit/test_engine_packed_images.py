from __future__ import annotations

import numpy as np

from cl2d.engine import BLOCK_IMAGES, WorkingImages
from cl2d.engine.packed_images import one_block, packed_images, working_block
from tests.engine_inputs import engine_of, noise_images, white_plan


def test_images_of_several_parts_become_one_block_in_any_order() -> None:
    engine = engine_of(noise_images(50, 24), white_plan(24))
    block = engine._blocks[0]
    first = packed_images(block.grid, [block], np.array([3, 40, 7]))
    second = packed_images(block.grid, [block], np.array([0, 49]))
    together = one_block(block.grid, [*first, *second], np.array([4, 0, 2, 1, 3]))
    for place, row in enumerate([49, 3, 7, 40, 0]):
        np.testing.assert_array_equal(together.coefficients(place), block.coefficients(row))


def test_working_images_come_with_the_coefficients() -> None:
    images = noise_images(50, 24)
    block = engine_of(images, white_plan(24))._blocks[0]
    working = WorkingImages([images], 10.0, 1)
    rows = (np.array([3, 40, 7]), np.array([0, 49]))
    packed = [one for some in rows for one in packed_images(block.grid, [block], some, working)]
    order = np.array([4, 0, 2, 1, 3])
    np.testing.assert_array_equal(working_block(packed, order), images[[49, 3, 7, 40, 0]])
    assert working_block(packed_images(block.grid, [block], rows[0]), order[1:2]) is None


def test_more_images_than_a_block_are_packed_in_several() -> None:
    engine = engine_of(noise_images(30, 16), white_plan(16))
    block = engine._blocks[0]
    rows = np.arange(BLOCK_IMAGES + 5) % 30
    packed = packed_images(block.grid, [block], rows)
    assert [images.n_images for images in packed] == [BLOCK_IMAGES, 5]
    order = np.array([BLOCK_IMAGES + 4, 0])
    together = one_block(block.grid, packed, order)
    np.testing.assert_array_equal(together.coefficients(0), block.coefficients(int(rows[order[0]])))
