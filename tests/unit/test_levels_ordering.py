from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cl2d.levels import order_classes_by_size
from cl2d.results import LevelResult, identity_poses


def level(number: int, labels: list[int], parents: list[int]) -> LevelResult:
    n = len(labels)
    return LevelResult(
        level=number,
        n_classes=len(parents),
        labels=np.array(labels, dtype=np.int32),
        poses=identity_poses(n),
        scores=np.arange(n, dtype=np.float32),
        confidence=np.zeros(n, dtype=np.float32),
        parents=np.array(parents, dtype=np.int32),
    )


def together(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which pairs of images are in one class, whatever the classes are called."""
    same: npt.NDArray[np.bool_] = labels[:, None] == labels[None, :]
    return same


FIRST = level(0, [0, 1, 1, -1, 1, 0, 1], [-1, -1])
SECOND = level(1, [0, 1, 2, -1, 2, 3, 2], [0, 1, 1, 0])


def test_largest_class_comes_first_at_every_level() -> None:
    first, second = order_classes_by_size([FIRST, SECOND])
    assert first.class_sizes().tolist() == [4, 2]
    assert second.class_sizes().tolist() == [3, 1, 1, 1]
    assert first.labels.tolist() == [1, 0, 0, -1, 0, 1, 0]


def test_equal_sizes_keep_their_order() -> None:
    _, second = order_classes_by_size([FIRST, SECOND])
    assert second.labels.tolist() == [1, 2, 0, -1, 0, 3, 0]


def test_parents_follow_the_new_numbers_of_both_levels() -> None:
    first, second = order_classes_by_size([FIRST, SECOND])
    assert first.parents.tolist() == [-1, -1]
    # Old classes 2, 0, 1, 3 came from 1, 0, 1, 0, which are now 0, 1, 0, 1.
    assert second.parents.tolist() == [0, 1, 0, 1]


def test_only_numbers_change() -> None:
    for before, after in zip([FIRST, SECOND], order_classes_by_size([FIRST, SECOND]), strict=True):
        np.testing.assert_array_equal(together(after.labels), together(before.labels))
        assert after.labels.dtype == np.int32
        assert after.poses is before.poses
        assert after.scores is before.scores


def test_empty_class_comes_last() -> None:
    (only,) = order_classes_by_size([level(0, [1, 1, 2], [-1, -1, -1])])
    assert only.labels.tolist() == [0, 0, 1]
    assert only.class_sizes().tolist() == [2, 1, 0]


def test_ordering_twice_changes_nothing_more() -> None:
    once = order_classes_by_size([FIRST, SECOND])
    for a, b in zip(once, order_classes_by_size(once), strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.parents, b.parents)
