from __future__ import annotations

import numpy as np
import pytest

from cl2d.levels.cuts import CutRule, find_cuts, judging_rule
from cl2d.levels.main_view import main_view_confidence
from cl2d.results import LevelResult, identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors

RULE = judging_rule(CutRule("component", 30.0))


def confidence_of(engine, level):
    return main_view_confidence(engine, level, find_cuts(engine, level, level.n_classes, RULE))


def level_of(labels, confidence=1.0):
    n = len(labels)
    return LevelResult(
        level=0,
        n_classes=int(labels.max()) + 1,
        labels=labels.astype(np.int32),
        poses=identity_poses(n),
        scores=np.full(n, 0.5, dtype=np.float32),
        confidence=np.full(n, confidence, dtype=np.float32),
        parents=np.full(int(labels.max()) + 1, -1, dtype=np.int32),
    )


def mixed(n_main, n_second, noise, seed=0):
    """Return an engine of two views in one class, and who shows the main one."""
    rng = np.random.default_rng(seed)
    main = rng.permutation(np.arange(n_main + n_second) < n_main)
    vectors = np.eye(24)[np.where(main, 0, 1)]
    return VectorEngine(vectors + noise * rng.normal(size=vectors.shape)), main


def test_class_of_one_view_keeps_its_confidence():
    vectors, _ = groups_of_vectors(1, 300, noise=0.25)
    found = confidence_of(VectorEngine(vectors), level_of(np.zeros(300, int), 0.8))
    np.testing.assert_array_equal(found, np.float32(0.8))


def test_members_of_the_smaller_view_are_told_from_the_others():
    engine, main = mixed(200, 80, noise=0.2)
    found = confidence_of(engine, level_of(np.zeros(280, int)))
    assert found[main].mean() > 0.95
    assert found[~main].mean() < 0.05


def test_share_of_members_with_the_main_view_is_the_mean_confidence():
    engine, main = mixed(400, 200, noise=0.3, seed=1)
    found = confidence_of(engine, level_of(np.zeros(600, int)))
    assert found.min() < 0.5 < found.max()
    assert found.mean() == pytest.approx(main.mean(), abs=0.06)


def test_confidence_of_the_comparison_between_classes_is_a_factor():
    engine, _ = mixed(200, 80, noise=0.2)
    sure = confidence_of(engine, level_of(np.zeros(280, int)))
    unsure = confidence_of(engine, level_of(np.zeros(280, int), 0.5))
    np.testing.assert_allclose(unsure, 0.5 * sure)


def test_small_and_empty_classes_and_images_in_none_are_left_alone():
    engine, _ = mixed(15, 15, noise=0.1)
    labels = np.repeat([-1, 0, 2], [1, 19, 10])
    found = confidence_of(engine, level_of(labels, 0.7))
    np.testing.assert_array_equal(found, np.float32(0.7))


def test_large_class_is_judged_by_a_sample_but_whole():
    engine, main = mixed(1500, 700, noise=0.2)
    found = confidence_of(engine, level_of(np.zeros(2200, int)))
    assert found[main].mean() > 0.95
    assert found[~main].mean() < 0.05
