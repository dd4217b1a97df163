"""The last averages are made of members that are sure of their class."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import Assignment
from cl2d.levels import run_levels
from cl2d.levels.cuts import CutRule, find_cuts
from cl2d.levels.sure_members import SURE, classes_of_one_view, sure_labels
from cl2d.options import LevelOptions
from cl2d.results import identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors


def test_unsure_members_are_left_out_and_nobody_changes_class():
    labels = np.array([0, 0, 0, 1, 1, 1, -1], dtype=np.int32)
    confidence = np.array([1, 0.9, 0.5, 0.85, 0.7, 0.99, 0], dtype=np.float32)
    sure = sure_labels(labels, confidence, np.ones(2, dtype=bool))
    assert sure.tolist() == [0, 0, -1, 1, -1, 1, -1]
    assert labels.tolist() == [0, 0, 0, 1, 1, 1, -1]


def test_the_surer_half_of_an_unsure_class_is_kept():
    labels = np.zeros(9, dtype=np.int32)
    confidence = np.linspace(0.1, 0.6, 9).astype(np.float32)
    assert np.flatnonzero(
        sure_labels(labels, confidence, np.ones(1, dtype=bool)) == 0
    ).tolist() == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_class_loses_all_its_members(size):
    labels = np.repeat(np.arange(3, dtype=np.int32), size)
    confidence = np.random.default_rng(size).random(3 * size).astype(np.float32)
    assert set(sure_labels(labels, confidence, np.ones(4, dtype=bool)).tolist()) >= {0, 1, 2}


def test_sure_members_all_stay():
    labels = np.arange(12, dtype=np.int32) % 4
    confidence = np.full(12, SURE, dtype=np.float32)
    np.testing.assert_array_equal(sure_labels(labels, confidence, np.ones(4, dtype=bool)), labels)


def test_classes_that_are_not_among_them_keep_all_members():
    labels = np.array([0, 0, 1, 1], dtype=np.int32)
    confidence = np.array([1, 0.1, 1, 0.1], dtype=np.float32)
    assert sure_labels(labels, confidence, np.array([False, True])).tolist() == [0, 0, 1, -1]


def test_a_class_of_two_views_is_told_from_one_of_one_view():
    vectors, truth = groups_of_vectors(3, 100, noise=0.2)
    labels = np.maximum(truth - 1, 0).astype(np.int32)
    scores = np.ones(300, dtype=np.float32)
    fitted = Assignment(labels, identity_poses(300), scores, scores, scores)
    cuts = find_cuts(VectorEngine(vectors), fitted, 3, CutRule("component", 20.0))
    found = classes_of_one_view(cuts, 3)
    assert found.tolist() == [False, True, False]  # the last has no members


def settling(levels):
    return [report.settling for level in levels for report in level.iterations]


def test_only_the_last_iterations_settle_and_only_where_wanted():
    vectors, truth = groups_of_vectors(4, 60, noise=0.2)
    options = LevelOptions(classes=4, initial_classes=2)
    levels = run_levels(VectorEngine(vectors), options)
    order = settling(levels)
    assert order == sorted(order)
    assert order[-1]
    assert adjusted_rand_index(truth, levels[-1].labels) == 1.0
    without = run_levels(VectorEngine(vectors), options.model_copy(update={"settle": False}))
    assert not any(settling(without))


def test_settling_counts_all_members_of_a_class():
    vectors, _ = groups_of_vectors(4, 60, noise=0.2)
    level = run_levels(VectorEngine(vectors), LevelOptions(classes=4, initial_classes=2))[-1]
    last = level.iterations[-1]
    assert last.settling
    assert (last.smallest_class, last.largest_class) == (60, 60)


def test_one_class_has_nothing_to_settle():
    vectors, _ = groups_of_vectors(2, 30, noise=0.2)
    assert not any(settling(run_levels(VectorEngine(vectors), LevelOptions(classes=1))))
