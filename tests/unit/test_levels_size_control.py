from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import Assignment, ClassicalRule, normalised_references
from cl2d.levels.cuts import CutRule, find_cut
from cl2d.levels.size_control import Reseeding, fill_empty_classes, reseed_small_classes
from cl2d.results import identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors


def labels_of(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def reseeded(
    vectors: np.ndarray, labels: np.ndarray, n_classes: int, percent: float = 20.0
) -> tuple[np.ndarray, Reseeding]:
    """Return the references before, and what became of them."""
    engine, poses = VectorEngine(vectors), identity_poses(len(vectors))
    before = normalised_references(engine.update(labels, poses, n_classes).sums)
    ones = np.ones(len(vectors), dtype=np.float32)
    fitted = Assignment(labels, poses, ones, ones, ones)
    rule = CutRule("component", percent)
    return before, reseed_small_classes(engine, before.copy(), fitted, rule)


def check_none(before: np.ndarray, reseeding: Reseeding) -> None:
    assert reseeding.n_reseeded == 0
    assert not reseeding.changed.any()
    assert reseeding.origin.tolist() == list(range(len(before)))
    np.testing.assert_array_equal(reseeding.references, before)


def assigned(vectors: np.ndarray, references: np.ndarray) -> np.ndarray:
    return VectorEngine(vectors).assign(references, ClassicalRule()).labels


def test_classes_of_like_size_are_left_alone() -> None:
    vectors, truth = groups_of_vectors(4, 25, 0.05)
    check_none(*reseeded(vectors, truth.astype(np.int32), 4))


def test_empty_class_gets_half_of_the_mixed_one() -> None:
    vectors, truth = groups_of_vectors(4, 25, 0.05)
    mixed = np.where(truth == 3, 2, truth).astype(np.int32)
    before, reseeding = reseeded(vectors, mixed, 4)
    assert reseeding.n_reseeded == 1
    assert reseeding.changed.tolist() == [False, False, True, True]
    assert reseeding.origin.tolist() == [0, 1, 2, 2]
    np.testing.assert_array_equal(reseeding.references[:2], before[:2])
    found = assigned(vectors, reseeding.references)
    assert len(set(zip(truth.tolist(), found.tolist(), strict=True))) == 4


def test_small_class_stays_where_no_class_is_mixed() -> None:
    vectors, truth = groups_of_vectors(3, 60, 0.05, seed=2, dimensions=600)
    labels = truth.astype(np.int32)
    rare = np.flatnonzero(truth == 2)[3:]
    vectors, labels = np.delete(vectors, rare, axis=0), np.delete(labels, rare)
    assert np.bincount(labels).tolist() == [60, 60, 3]
    check_none(*reseeded(vectors, labels, 3))


def test_rare_view_is_not_given_up_for_a_slight_difference_in_a_large_class() -> None:
    rng = np.random.default_rng(3)
    side = rng.choice([-1.0, 1.0], 1200)
    views = np.zeros((1500, 30))
    views[:1200, 0], views[:1200, 1] = 1, 0.12 * side
    views[1200:1480, 2] = 1
    views[1480:, 3] = 1
    labels = np.repeat([0, 1, 2], [1200, 280, 20]).astype(np.int32)
    vectors = views + 0.1 * rng.normal(size=views.shape)
    engine = VectorEngine(vectors)
    ones = np.ones(1500, dtype=np.float32)
    fitted = Assignment(labels, identity_poses(1500), ones, ones, ones)
    cut = find_cut(engine, np.arange(1200), fitted, CutRule("component", 20.0))
    # The large class does gain by a cut, surely, but little for each image.
    assert cut.priority > 0
    check_none(*reseeded(vectors, labels, 3))


def test_percentage_of_zero_reseeds_nothing_but_empty_classes() -> None:
    vectors, truth = groups_of_vectors(3, 30, 0.05)
    labels = np.where(truth == 2, 0, truth).astype(np.int32)
    labels[np.flatnonzero(truth == 1)[1:]] = 0
    check_none(*reseeded(vectors, labels, 2, percent=0.0))


def test_filling_gives_every_class_an_image_and_loses_none() -> None:
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.7, 0.5], dtype=np.float32)
    labels = labels_of(0, 0, 0, 0, 2, -1)
    filled = fill_empty_classes(labels, scores, 4)
    # The worst images of the largest class go, one to each empty class.
    assert filled.tolist() == [0, 1, 0, 3, 2, -1]
    assert labels.tolist() == [0, 0, 0, 0, 2, -1]


@pytest.mark.parametrize("n", [1, 2, 7])
def test_as_many_classes_as_images_can_be_filled(n: int) -> None:
    filled = fill_empty_classes(np.zeros(n, np.int32), np.zeros(n, np.float32), n)
    assert sorted(filled.tolist()) == list(range(n))


def test_full_classes_are_left_alone() -> None:
    labels = labels_of(1, 0, 1, 2)
    assert fill_empty_classes(labels, np.zeros(4, np.float32), 3).tolist() == [1, 0, 1, 2]
