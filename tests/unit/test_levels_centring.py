from __future__ import annotations

import numpy as np
import pytest

from cl2d.levels.centring import centred_poses
from cl2d.results import Poses


def make_poses(n: int, seed: int = 0) -> Poses:
    rng = np.random.default_rng(seed)
    return Poses(rng.uniform(-np.pi, np.pi, n), rng.uniform(-5, 5, (n, 2)), rng.random(n) < 0.5)


def moved(poses: Poses, i: int, x: np.ndarray) -> np.ndarray:
    """Return where the pose of image i puts a position."""
    cos, sin = np.cos(poses.psi_rad[i]), np.sin(poses.psi_rad[i])
    p = np.array([[cos, -sin], [sin, cos]]) @ x
    return p * (np.array([-1, 1]) if poses.mirror[i] else 1) - poses.shift_px[i]


def test_mean_shift_of_every_class_becomes_zero() -> None:
    labels = np.array([0, 1, 0, 2, 1, 0, 0, 2], dtype=np.int32)
    centred = centred_poses(make_poses(8), labels, 3)
    for k in range(3):
        np.testing.assert_allclose(centred.shift_px[labels == k].mean(axis=0), 0, atol=1e-12)


def test_members_of_a_class_stay_superposed() -> None:
    labels = np.array([0, 1, 0, 1, 0], dtype=np.int32)
    poses = make_poses(5)
    centred = centred_poses(poses, labels, 2)
    position = np.array([2.0, -7.0])
    for k in range(2):
        moves = [
            moved(centred, i, position) - moved(poses, i, position)
            for i in np.flatnonzero(labels == k)
        ]
        np.testing.assert_allclose(moves, np.broadcast_to(moves[0], (len(moves), 2)), atol=1e-12)


def test_an_offset_of_the_average_is_taken_out() -> None:
    poses = make_poses(200)
    labels = (np.arange(200) % 2).astype(np.int32)
    shifted = Poses(poses.psi_rad, poses.shift_px + np.array([3.0, -2.0]), poses.mirror)
    np.testing.assert_allclose(
        centred_poses(shifted, labels, 2).shift_px, centred_poses(poses, labels, 2).shift_px
    )


def test_angles_mirrors_and_images_in_no_class_stay() -> None:
    poses = make_poses(6)
    labels = np.array([0, -1, 0, -1, 0, 0], dtype=np.int32)
    centred = centred_poses(poses, labels, 1)
    assert centred.psi_rad is poses.psi_rad
    assert centred.mirror is poses.mirror
    np.testing.assert_array_equal(centred.shift_px[[1, 3]], poses.shift_px[[1, 3]])


@pytest.mark.parametrize("labels", [[0, 0, 2], [-1, -1, -1]])
def test_class_without_members_does_no_harm(labels: list[int]) -> None:
    centred = centred_poses(make_poses(3), np.array(labels, dtype=np.int32), 4)
    assert np.isfinite(centred.shift_px).all()


def test_poses_given_are_not_changed() -> None:
    poses = make_poses(4)
    before = poses.shift_px.copy()
    centred_poses(poses, np.zeros(4, dtype=np.int32), 1)
    np.testing.assert_array_equal(poses.shift_px, before)
