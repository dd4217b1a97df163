from __future__ import annotations

import numpy as np

from cl2d.cluster.packed import PackedPoses, one_block, packed_images
from cl2d.cluster.sealed import sealed
from cl2d.engine import BLOCK_IMAGES
from cl2d.results import Poses
from tests.engine_inputs import engine_of, noise_images, random_poses, white_plan


def test_poses_of_the_engine_travel_in_half_the_bytes_and_others_exactly() -> None:
    poses = random_poses(100, 4.0)
    exact = PackedPoses.of(poses)
    single = Poses(
        poses.psi_rad.astype(np.float32).astype(float),
        poses.shift_px.astype(np.float32).astype(float),
        poses.mirror,
    )
    short = PackedPoses.of(single)
    for given, packed in ((poses, exact), (single, short)):
        found = packed.unpacked()
        np.testing.assert_array_equal(found.psi_rad, given.psi_rad)
        np.testing.assert_array_equal(found.shift_px, given.shift_px)
        np.testing.assert_array_equal(found.mirror, given.mirror)
        assert found.psi_rad.dtype == np.float64
    assert len(sealed(exact)) - len(sealed(short)) == 100 * 12


def test_images_of_several_parts_become_one_block_in_any_order() -> None:
    engine = engine_of(noise_images(50, 24), white_plan(24))
    block = engine._blocks[0]
    first = packed_images(block.grid, [block], np.array([3, 40, 7]))
    second = packed_images(block.grid, [block], np.array([0, 49]))
    together = one_block(block.grid, [*first, *second], np.array([4, 0, 2, 1, 3]))
    for place, row in enumerate([49, 3, 7, 40, 0]):
        np.testing.assert_array_equal(together.coefficients(place), block.coefficients(row))


def test_more_images_than_a_block_are_packed_in_several() -> None:
    engine = engine_of(noise_images(30, 16), white_plan(16))
    block = engine._blocks[0]
    rows = np.arange(BLOCK_IMAGES + 5) % 30
    packed = packed_images(block.grid, [block], rows)
    assert [images.n_images for images in packed] == [BLOCK_IMAGES, 5]
    order = np.array([BLOCK_IMAGES + 4, 0])
    together = one_block(block.grid, packed, order)
    np.testing.assert_array_equal(together.coefficients(0), block.coefficients(int(rows[order[0]])))
