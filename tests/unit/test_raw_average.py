from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from cl2d.engine.raw_average import Moves, accumulate_moved, accumulate_raw
from cl2d.results import Poses, identity_poses
from tests.slow_alignment import centred_grid, pose_reference

BOXES = pytest.mark.parametrize("box", [2, 3, 15, 32, 33])


def noise(n, box, seed=0):
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def random_poses(n, seed=0, shift_px=3.0):
    rng = np.random.default_rng(seed)
    return Poses(
        rng.uniform(-np.pi, np.pi, n),
        rng.uniform(-shift_px, shift_px, (n, 2)),
        np.arange(n) % 2 > 0,
    )


def moved_by_scipy(image, poses, row):
    """Return ``image(R^T F (p + t))`` by scipy's quintic splines, reflected at the edge."""
    box = len(image)
    x, y = centred_grid(box)
    x, y = x + poses.shift_px[row, 0], y + poses.shift_px[row, 1]
    x = -x if poses.mirror[row] else x
    cos, sin = np.cos(poses.psi_rad[row]), np.sin(poses.psi_rad[row])
    position = [-sin * x + cos * y + box // 2, cos * x + sin * y + box // 2]
    return ndimage.map_coordinates(image.astype(float), position, order=5, mode="mirror")


def each_moved(images, poses, n_threads=1):
    sums = np.zeros(images.shape)
    accumulate_raw(sums, images, poses, np.arange(len(images), dtype=np.int32), n_threads)
    return sums


@BOXES
@pytest.mark.parametrize("shift_px", [3.0, 1000.0], ids=["small shifts", "far outside the box"])
def test_images_move_as_scipy_moves_them(box, shift_px):
    """Float against double arithmetic: relative error far below the 1e-4 asked for."""
    images, poses = noise(10, box), random_poses(10, shift_px=shift_px)
    expected = np.array([moved_by_scipy(image, poses, i) for i, image in enumerate(images)])
    assert np.abs(each_moved(images, poses) - expected).max() < 1e-5 * np.abs(images).max()


@BOXES
def test_image_at_rest_is_returned_as_it_is(box):
    images = noise(3, box)
    np.testing.assert_allclose(each_moved(images, identity_poses(3)), images, atol=1e-5)


@pytest.mark.parametrize("box", [32, 33])
def test_particles_are_superposed_on_the_reference_they_were_made_from(box):
    x, y = centred_grid(box)
    reference = np.exp(-((x - 3) ** 2 + y**2) / 8) + 2 * np.exp(-((x + 1) ** 2 + (y - 4) ** 2) / 12)
    poses = random_poses(8, shift_px=2.0)
    particles = np.array([pose_reference(reference, poses, i) for i in range(8)], np.float32)
    # Corners of a rotated box come from outside the particle.
    disc = np.hypot(x, y) < box // 2 - 4
    moved = each_moved(particles, poses)
    np.testing.assert_allclose(moved[:, disc], np.tile(reference[disc], (8, 1)), atol=2e-3)


def test_quarter_turn_moves_the_marked_pixel_by_the_written_pose():
    image = np.zeros((1, 7, 7), np.float32)
    image[0, 3, 5] = 1  # x = (2, 0); R(90 deg) x = (0, 2); minus t = (1, -1) gives p = (-1, 3)
    pose = Poses(np.array([np.pi / 2]), np.array([[1.0, -1.0]]), np.array([False]))
    expected = np.zeros((7, 7))
    expected[6, 2] = 1
    np.testing.assert_allclose(each_moved(image, pose)[0], expected, atol=1e-5)


def test_images_of_one_slot_add_up_and_skipped_images_are_not_read():
    images, poses = noise(4, 6), random_poses(4)
    images[1] = np.nan
    poses.psi_rad[1] = np.nan
    sums = np.full((3, 6, 6), 5.0)
    accumulate_raw(sums, images, poses, np.array([2, -1, 0, 2], np.int32), 1)
    rows = np.array([0, 2, 3])
    alone = each_moved(images[rows], poses.take(rows))
    np.testing.assert_allclose(sums[2], 5 + alone[0] + alone[2], rtol=1e-12)
    np.testing.assert_allclose(sums[0], 5 + alone[1], rtol=1e-12)
    assert (sums[1] == 5).all()


@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_number_of_threads_changes_no_bit(n_threads):
    images, poses = noise(70, 32), random_poses(70)
    slots = (np.arange(70) % 5 - 1).astype(np.int32)
    one, several = np.zeros((2, 4, 32, 32))
    accumulate_raw(one, images, poses, slots, 1)
    accumulate_raw(several, images, poses, slots, n_threads)
    np.testing.assert_array_equal(one, several)


def test_blocks_give_the_same_bits_as_one_call():
    images, poses, slots = noise(9, 8), random_poses(9), np.zeros(9, np.int32)
    whole, parts = np.zeros((2, 1, 8, 8))
    accumulate_raw(whole, images, poses, slots, 1)
    for rows in np.split(np.arange(9), [4, 5]):
        accumulate_raw(parts, images[rows], poses.take(rows), slots[rows], 2)
    np.testing.assert_array_equal(whole, parts)


def test_image_of_several_poses_is_added_to_every_sum_that_wants_it():
    images, poses = noise(2, 9), random_poses(4)
    image = np.array([0, 0, 1, 1], np.int32)
    slots = np.array([[0, 1], [2, -1], [-1, -1], [1, 3]], np.int32)
    sums = np.zeros((4, 9, 9))
    accumulate_moved(sums, images, Moves(image, poses, slots), 2)
    alone = each_moved(images[image], poses)
    np.testing.assert_array_equal(sums, [alone[0], alone[0] + alone[3], alone[1], alone[3]])


@pytest.mark.parametrize("image", [-1, 2])
def test_pose_of_no_image_is_refused(image):
    moves = Moves(np.array([0, image]), identity_poses(2), np.zeros((2, 1), np.int32))
    with pytest.raises(ValueError, match=rf"image of pose 1 \({image}\) must be below .* \(2\)"):
        accumulate_moved(np.zeros((1, 4, 4)), noise(2, 4), moves, 1)
    moves.slots[1] = -1
    accumulate_moved(np.zeros((1, 4, 4)), noise(2, 4), moves, 1)


def test_strided_and_double_images_are_taken():
    images, poses = noise(4, 8), random_poses(4)
    expected = each_moved(images, poses)
    strided = np.asfortranarray(images.astype(np.float64))
    np.testing.assert_array_equal(each_moved(strided, poses), expected)


def test_no_images_leave_the_sums_alone():
    sums = np.ones((2, 4, 4))
    accumulate_raw(sums, noise(0, 4), identity_poses(0), np.zeros(0, np.int32), 1)
    assert (sums == 1).all()


def test_sums_that_cannot_be_added_to_in_place_are_refused():
    images, poses, slots = noise(1, 4), identity_poses(1), np.zeros(1, np.int32)
    single = np.zeros((1, 4, 4), np.float32)
    strided = np.zeros((1, 4, 8))[:, :, ::2]
    frozen = np.zeros((1, 4, 4))
    frozen.flags.writeable = False
    for sums, found in ((single, "float32"), (strided, "strided"), (frozen, "read-only")):
        with pytest.raises(TypeError, match=f"sums must be .* not .*{found}"):
            accumulate_raw(sums, images, poses, slots, 1)


def test_sizes_slots_and_poses_that_do_not_fit_are_refused():
    images, poses, slots = noise(2, 4), identity_poses(2), np.zeros(2, np.int32)
    sums = np.zeros((1, 4, 4))
    with pytest.raises(TypeError, match="slots must be integers, not float64"):
        accumulate_raw(sums, images, poses, np.zeros(2), 1)
    with pytest.raises(ValueError, match="size of slots must be 2 as image times columns, not 1"):
        accumulate_raw(sums, images, poses, slots[:1], 1)
    with pytest.raises(ValueError, match="height of sums must be 4 as that of images, not 5"):
        accumulate_raw(np.zeros((1, 5, 5)), images, poses, slots, 1)
    with pytest.raises(ValueError, match="images must have 3 dimensions, not 2"):
        accumulate_raw(sums, images[0], poses, slots, 1)
    with pytest.raises(ValueError, match=r"slot of image 1 \(1\) must be below .* sums \(1\)"):
        accumulate_raw(sums, images, poses, np.array([0, 1]), 1)
    poses.shift_px[1, 1] = np.nan
    with pytest.raises(ValueError, match="pose of image 1 must be finite"):
        accumulate_raw(sums, images, poses, slots, 1)
    assert (sums == 0).all()
