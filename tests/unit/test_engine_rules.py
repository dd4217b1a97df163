from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import ClassicalRule


def test_best_class_is_chosen_by_its_lead_over_the_second():
    scores = np.array([[0.1, 0.7, 0.4], [-0.3, -0.5, -0.2]], dtype=np.float32)
    choice = ClassicalRule().choose(scores)
    assert choice.labels.tolist() == [1, 2]
    np.testing.assert_array_equal(choice.margin, np.float32([0.7, -0.2]) - np.float32([0.4, -0.3]))
    assert (choice.labels.dtype, choice.margin.dtype) == (np.int32, np.float32)


def test_lower_class_wins_a_tie_by_no_margin():
    choice = ClassicalRule().choose(np.array([[0.2, 0.5, 0.5]], dtype=np.float32))
    assert (choice.labels[0], choice.margin[0]) == (1, 0)


def test_lead_over_no_other_class_is_the_score():
    choice = ClassicalRule().choose(np.array([[0.25], [-0.5]], dtype=np.float32))
    assert choice.labels.tolist() == [0, 0]
    assert choice.margin.tolist() == [0.25, -0.5]


@pytest.mark.parametrize("n_classes", [1, 3])
def test_no_images_are_no_choices(n_classes):
    choice = ClassicalRule().choose(np.empty((0, n_classes), dtype=np.float32))
    assert (choice.labels.shape, choice.margin.shape) == ((0,), (0,))


def test_scores_are_not_changed():
    scores = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    before = scores.copy()
    ClassicalRule().choose(scores)
    np.testing.assert_array_equal(scores, before)
