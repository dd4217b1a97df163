"""A class of two views is told from classes of one, whatever their size and sharpness."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import Assignment
from cl2d.levels import order_classes_by_size, run_levels
from cl2d.levels.cuts import CutRule, find_cuts
from cl2d.levels.halves import held_out_gains, least_gain
from cl2d.levels.homogeneity import class_homogeneity
from cl2d.options import LevelOptions
from cl2d.results import identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors

RULE = CutRule("component", 20.0)


def judged(vectors, labels, n_classes):
    cuts = find_cuts(VectorEngine(vectors), fitted(labels), n_classes, RULE)
    return class_homogeneity(cuts, n_classes)


def fitted(labels):
    scores = np.full(len(labels), 0.6, dtype=np.float32)
    return Assignment(labels.astype(np.int32), identity_poses(len(labels)), scores, scores, scores)


def test_class_of_two_groups_scores_lower_than_pure_ones():
    vectors, truth = groups_of_vectors(5, 80, noise=0.3)
    labels = np.maximum(truth - 1, 0)  # class 0 holds groups 0 and 1
    found = judged(vectors, labels, 4)
    assert found.homogeneity[0] < 0.01
    assert found.homogeneity[1:].min() > 0.3
    assert found.split_gain[0] > 5 * np.abs(found.split_gain[1:]).max()
    assert found.split_gain[0] > 5 * found.split_gain_error[0]


def test_class_too_small_to_be_judged_is_said_to_be_unknown():
    vectors, _ = groups_of_vectors(2, 60, noise=0.3)
    labels = np.where(np.arange(120) < 5, 1, 0)
    found = judged(vectors, labels, 3)
    for few in (1, 2):
        figures = (found.split_gain[few], found.split_gain_error[few], found.homogeneity[few])
        assert figures == (0.0, 0.0, 0.5)


def test_equal_members_are_homogeneous():
    found = judged(np.ones((40, 24)), np.zeros(40), 1)
    assert found.homogeneity[0] == 1.0


def test_halves_that_differ_by_the_strength_of_the_rings_alone_gain_nothing():
    rng = np.random.default_rng(0)
    view = rng.normal(size=(6, 20))
    first = np.arange(400) % 4 < 2
    rings = np.where(first[:, None], np.linspace(2, -1, 6), np.linspace(-1, 2, 6))
    noise = 0.5 * rng.normal(size=(400, 6, 20))
    one_view = (rings[:, :, None] * view + noise).astype(np.complex64)
    other = np.where(first[:, None, None], view, rng.normal(size=(6, 20)))
    two_views = (other + noise).astype(np.complex64)
    gain, gain_of_two = (held_out_gains(m, first, 120).mean() for m in (one_view, two_views))
    assert abs(gain) < 0.01 * gain_of_two
    assert gain_of_two > 0.1


def test_two_averages_of_noise_fit_noise_no_better_than_one():
    rng = np.random.default_rng(1)
    view = rng.normal(size=(1, 30))
    members = (0.3 * view + rng.normal(size=(2000, 1, 30))).astype(np.complex64)
    along = (members.real * rng.normal(size=(1, 30))).sum(axis=(1, 2))
    gains = held_out_gains(members, along > np.median(along), 30)
    assert gains.mean() < 2 * gains.std() / np.sqrt(len(gains))


def test_a_rarer_second_view_needs_less_gain_in_all():
    assert least_gain(100, 0.5, 0.4) == pytest.approx(100 * 0.25 * 0.02 * 0.4)
    assert least_gain(100, 0.1, 0.4) < least_gain(100, 0.5, 0.4)


def test_last_level_alone_is_judged_and_figures_follow_the_order_by_size():
    vectors, truth = groups_of_vectors(3, 60, noise=0.2)
    vectors = vectors[(truth > 0) | (np.arange(180) % 2 == 0)]
    levels = run_levels(VectorEngine(vectors), LevelOptions(classes=2, initial_classes=1))
    assert levels[0].homogeneity is None
    last, ordered = levels[-1], order_classes_by_size(levels)[-1]
    order = np.argsort(-last.class_sizes(), kind="stable")
    np.testing.assert_array_equal(
        ordered.homogeneity.split_gain, last.homogeneity.split_gain[order]
    )
    assert last.homogeneity.homogeneity.min() < 0.01 < last.homogeneity.homogeneity.max()
