"""An image joins the class that makes it likeliest, not the one it merely correlates with best."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import ClassicalRule, LikelihoodRule, expected_scores
from cl2d.engine.expected_scores import LEAST_EXPECTED

ALL = np.ones(2, dtype=bool)
SEEN = np.zeros(3, dtype=bool)


def noisy_members(strength: float, n: int, n_values: int, rng: np.random.Generator) -> np.ndarray:
    """Return n images of length 1 that share a view."""
    view = rng.normal(size=n_values) / np.sqrt(n_values)
    noise = rng.normal(size=(n, n_values)) / np.sqrt(n_values)
    images = strength * view + np.sqrt(1 - strength**2) * noise
    return images / np.linalg.norm(images, axis=1, keepdims=True)


@pytest.mark.parametrize(("strength", "n"), [(0.3, 200), (0.5, 30), (0.8, 5), (0.2, 1000)])
def test_expected_score_is_the_mean_over_members_left_out(strength, n):
    images = noisy_members(strength, n, 400, np.random.default_rng(n))
    total = images.sum(axis=0)
    others = total - images
    left_out = (images * others).sum(axis=1) / np.linalg.norm(others, axis=1)
    found = expected_scores(
        np.array([np.linalg.norm(total)]), np.array([n]), np.zeros(1, dtype=bool)
    )
    assert found[0] == pytest.approx(left_out.mean(), rel=0.02)


def test_equal_members_fit_perfectly():
    found = expected_scores(np.array([5.0, 5.0, 9.0]), np.array([5, 5, 9]), SEEN)
    np.testing.assert_allclose(found, 1.0)


def test_members_that_share_nothing_are_expected_to_fit_a_little():
    lengths = np.sqrt([10.0, 5.0, 2.0])
    np.testing.assert_array_equal(
        expected_scores(lengths, np.array([20, 20, 20]), SEEN), LEAST_EXPECTED
    )


def test_new_classes_and_those_of_one_member_are_taken_for_usual_ones():
    lengths, counts = np.array([50.0, 1.0, 30.0]), np.array([100, 1, 100])
    found = expected_scores(lengths, counts, np.array([False, False, True]))
    np.testing.assert_allclose(found, found[0], rtol=1e-12)
    assert found[0] > 0.4
    none = expected_scores(lengths[1:2], counts[1:2], np.zeros(1, dtype=bool))
    assert none.tolist() == [LEAST_EXPECTED]


def test_weak_image_joins_the_weak_class_though_it_correlates_better_with_the_strong_one():
    scores = np.array([[0.26, 0.25], [0.55, 0.3]], dtype=np.float32)
    rule = LikelihoodRule(np.array([0.6, 0.3]), ALL)
    assert ClassicalRule().choose(scores).labels.tolist() == [0, 0]
    assert rule.choose(scores).labels.tolist() == [1, 0]


def test_classes_of_equal_strength_are_chosen_by_correlation():
    scores = np.random.default_rng(0).uniform(-0.2, 0.6, (50, 4)).astype(np.float32)
    rule = LikelihoodRule(np.full(4, 0.37), np.ones(4, dtype=bool))
    chosen = rule.choose(scores)
    np.testing.assert_array_equal(chosen.labels, ClassicalRule().choose(scores).labels)
    assert (chosen.margin >= 0).all()


def test_nobody_joins_a_class_without_an_average():
    scores = np.array([[-0.5, 0.0], [-0.1, 0.0]], dtype=np.float32)
    rule = LikelihoodRule(np.array([0.6, 0.01]), np.array([True, False]))
    assert rule.choose(scores).labels.tolist() == [0, 0]
    none = LikelihoodRule(np.array([0.6, 0.01]), np.zeros(2, dtype=bool))
    assert none.choose(scores).labels.tolist() == [0, 0]


def test_how_sure_a_choice_is_goes_by_the_correlations_alone():
    scores = np.random.default_rng(1).uniform(-1, 1, (40, 5)).astype(np.float32)
    rule = LikelihoodRule(np.linspace(0.01, 1.0, 5), np.ones(5, dtype=bool))
    likelihoods = rule.log_likelihoods(scores, 300)
    assert np.isfinite(likelihoods).all()
    np.testing.assert_array_equal(likelihoods, ClassicalRule().log_likelihoods(scores, 300))


def test_images_of_a_mixture_are_sorted_better_by_likelihood():
    rng = np.random.default_rng(2)
    common, one, other = np.linalg.qr(rng.normal(size=(120, 3)))[0].T
    views = np.stack([0.8 * common + 0.6 * one, 0.8 * common + 0.6 * other])
    strength, view = np.array([0.5, 0.25]), np.arange(2000) % 2
    noise = rng.normal(size=(2000, 120)) / np.sqrt(120)
    images = strength[view, None] * views[view] + np.sqrt(1 - strength**2)[view, None] * noise
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    scores = (images @ views.T).astype(np.float32)
    expected = np.array([scores[view == k, k].mean() for k in (0, 1)])
    by_likelihood = LikelihoodRule(expected, ALL).choose(scores).labels
    by_correlation = ClassicalRule().choose(scores).labels
    assert (by_likelihood == view).mean() > (by_correlation == view).mean() + 0.01
