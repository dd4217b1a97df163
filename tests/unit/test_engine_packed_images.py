from __future__ import annotations

import numpy as np

from cl2d.engine import BLOCK_IMAGES, IN_MEMORY, WorkingImages
from cl2d.engine.packed_images import packed_images, unpacked_images, unpacked_working_images
from tests.engine_inputs import engine_of, noise_images, white_plan


def test_images_of_several_parts_become_one_block_in_any_order() -> None:
    engine = engine_of(noise_images(50, 24), white_plan(24))
    block = engine._blocks[0]
    first = packed_images(block.grid, [block], np.array([3, 40, 7]))
    second = packed_images(block.grid, [block], np.array([0, 49]))
    (together,) = unpacked_images(
        IN_MEMORY, block.grid, [*first, *second], np.array([4, 0, 2, 1, 3])
    )
    for place, row in enumerate([49, 3, 7, 40, 0]):
        np.testing.assert_array_equal(together.coefficients(place), block.coefficients(row))


def test_working_images_come_with_the_coefficients() -> None:
    images = noise_images(50, 24)
    block = engine_of(images, white_plan(24))._blocks[0]
    working = WorkingImages([images], 10.0, 1)
    rows = (np.array([3, 40, 7]), np.array([0, 49]))
    packed = [one for some in rows for one in packed_images(block.grid, [block], some, working)]
    order = np.array([4, 0, 2, 1, 3])
    (found,) = unpacked_working_images(packed, order) or ()
    np.testing.assert_array_equal(found, images[[49, 3, 7, 40, 0]])
    alone = packed_images(block.grid, [block], rows[0])
    assert unpacked_working_images(alone, order[1:2]) is None


def test_more_images_than_a_block_are_packed_in_several() -> None:
    engine = engine_of(noise_images(30, 16), white_plan(16))
    block = engine._blocks[0]
    rows = np.arange(BLOCK_IMAGES + 5) % 30
    packed = packed_images(block.grid, [block], rows)
    assert [images.n_images for images in packed] == [BLOCK_IMAGES, 5]
    order = np.arange(BLOCK_IMAGES + 5)[::-1].copy()
    blocks = unpacked_images(IN_MEMORY, block.grid, packed, order)
    assert [copies.n_images for copies in blocks] == [BLOCK_IMAGES, 5]
    for number, copies in enumerate(blocks):
        row = int(rows[order[number * BLOCK_IMAGES]])
        np.testing.assert_array_equal(copies.coefficients(0), block.coefficients(row))
