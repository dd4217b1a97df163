"""Records of a classification: what they derive from their arrays."""

from __future__ import annotations

import numpy as np

from cl2d.results import LevelResult, Poses, identity_poses, single_precision


def test_halves_of_classes_take_members_in_turn():
    labels = np.array([1, 0, 1, -1, 1, 2, 0, 1], dtype=np.int32)
    zeros = np.zeros(8, dtype=np.float32)
    parents = np.full(4, -1, dtype=np.int32)
    level = LevelResult(3, 4, labels, identity_poses(8), zeros, zeros, parents)
    halves = level.halved()
    np.testing.assert_array_equal(halves.labels, [2, 0, 3, -1, 2, 4, 1, 3])
    np.testing.assert_array_equal(halves.class_sizes(), [1, 1, 2, 2, 1, 0, 0, 0])
    np.testing.assert_array_equal(halves.parents, [0, 0, 1, 1, 2, 2, 3, 3])
    assert halves.n_classes == 8


def test_halves_of_nothing_are_empty():
    labels = np.full(3, -1, dtype=np.int32)
    zeros = np.zeros(3, dtype=np.float32)
    level = LevelResult(0, 2, labels, identity_poses(3), zeros, zeros, np.zeros(2, dtype=np.int32))
    np.testing.assert_array_equal(level.halved().labels, labels)


def test_poses_of_single_precision_stay_within_their_bounds_and_near():
    rng = np.random.default_rng(0)
    psi = np.concatenate([[-np.pi, np.nextafter(np.pi, 0), 0.0], rng.uniform(-np.pi, np.pi, 997)])
    shift = rng.normal(size=(1000, 2)) * 10.0 ** rng.integers(-6, 3, (1000, 1))
    poses = Poses(psi, shift, rng.uniform(size=1000) < 0.5)
    found = single_precision(poses)
    for given, rounded in ((psi, found.psi_rad), (shift, found.shift_px)):
        assert rounded.dtype == np.float64
        np.testing.assert_array_equal(rounded, rounded.astype(np.float32))
        np.testing.assert_allclose(rounded, given, rtol=2.0**-23)
        assert (np.abs(rounded) <= np.abs(given)).all()
    assert found.psi_rad.min() >= -np.pi
    assert found.psi_rad.max() < np.pi
    np.testing.assert_array_equal(single_precision(found).shift_px, found.shift_px)
