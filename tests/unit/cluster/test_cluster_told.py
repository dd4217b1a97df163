"""What is told of labels and poses comes back as it was, in few bytes where both ends know most."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("distributed")

from cl2d.cluster.parts import parts_of
from cl2d.cluster.sealed import sealed
from cl2d.cluster.told import NOTHING_FOUND, Found, LastFound, Telling, ToldLabels
from cl2d.engine import BLOCK_IMAGES
from cl2d.levels.centring import centred_poses
from cl2d.results import Poses, single_precision
from tests.engine_inputs import random_poses

N = 1000
K = 7


def labels_of(n: int = N, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1, K, n).astype(np.int32)


def changed(labels: np.ndarray, n_changed: int) -> np.ndarray:
    other = labels.copy()
    rows = np.random.default_rng(1).choice(len(labels), n_changed, replace=False)
    other[rows] = (other[rows] + 1) % K
    return other


@pytest.mark.parametrize("n_changed", [0, 1, 30, 300, N])
def test_changed_labels_come_back(n_changed: int) -> None:
    known = labels_of()
    labels = changed(known, n_changed)
    told = ToldLabels.of(labels, known)
    np.testing.assert_array_equal(told.labels(known), labels)
    assert told.labels(known).dtype == np.int32
    assert told.n_bytes <= min(2 * N, 6 * n_changed)


def test_members_that_are_left_out_cost_a_bit_an_image() -> None:
    known = labels_of()
    labels = np.where(np.random.default_rng(2).random(N) < 0.5, np.int32(-1), known)
    told = ToldLabels.of(labels, known)
    np.testing.assert_array_equal(told.labels(known), labels)
    assert told.n_bytes == N // 8


def test_labels_of_very_many_classes_come_back() -> None:
    labels = np.array([0, 2**15, -1, 2**20], dtype=np.int32)
    np.testing.assert_array_equal(ToldLabels.of(labels, None).labels(None), labels)
    known = np.array([0, 2**15, 3, 2**20], dtype=np.int32)
    np.testing.assert_array_equal(ToldLabels.of(labels, known).labels(known), labels)


def test_what_nobody_knows_is_told_in_full() -> None:
    labels, poses = labels_of(), random_poses(N, 3.0)
    members = Telling().members(labels, poses)
    assert members.known is None
    back, back_poses = members.members(None)
    np.testing.assert_array_equal(back, labels)
    np.testing.assert_array_equal(back_poses.shift_px, poses.shift_px)
    told = ToldLabels.of(changed(labels, 1), labels)
    with pytest.raises(ValueError, match="found must be given"):
        told.labels(None)


def test_centred_poses_cost_nothing_an_image_and_have_the_same_bits() -> None:
    n_images = 2 * BLOCK_IMAGES + 5
    labels = labels_of(n_images)
    poses = single_precision(random_poses(n_images, 3.0))
    parts = parts_of(n_images, 1)
    last = LastFound(3, labels, poses, K, dict.fromkeys(parts, "one"))
    centred = centred_poses(poses, labels, K)
    for part in parts:
        telling = last.telling(part, "one")
        told = telling.members(labels[part.rows], centred.take(part.rows))
        assert told.known == 3
        found = Found(labels[part.rows], poses.take(part.rows))
        back_labels, back = told.members(found)
        np.testing.assert_array_equal(back_labels, labels[part.rows])
        np.testing.assert_array_equal(back.shift_px, centred.shift_px[part.rows])
        np.testing.assert_array_equal(back.psi_rad, centred.psi_rad[part.rows])
        np.testing.assert_array_equal(back.mirror, centred.mirror[part.rows])
        assert len(sealed(told)) < 1500
        assert last.telling(part, "another").number is None
        assert NOTHING_FOUND.telling(part, "one").number is None


@pytest.mark.parametrize("what", ["psi_rad", "shift_px", "mirror"])
def test_poses_that_are_others_are_told_in_full(what: str) -> None:
    labels, poses = labels_of(), single_precision(random_poses(N, 3.0))
    arrays = {name: getattr(poses, name).copy() for name in ("psi_rad", "shift_px", "mirror")}
    arrays[what][5] = ~arrays[what][5] if what == "mirror" else arrays[what][5] + 1e-9
    other = Poses(**arrays)
    found = Found(labels, poses)
    told = Telling(1, found, lambda: np.zeros((K, 2))).poses(other)
    assert told.all_poses is not None
    np.testing.assert_array_equal(getattr(told.poses(found), what), arrays[what])
