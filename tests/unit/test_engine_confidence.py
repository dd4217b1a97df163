from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import ClassicalRule, class_probabilities, log_likelihood, without_own_share
from cl2d.engine.confidence import LIKELIHOOD_SHARE
from cl2d.results import identity_poses
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    random_poses,
    references_from,
    white_plan,
)

N_VALUES = 40


def floats(*rows):
    return np.array(rows, dtype=np.float32)


def confidence_of(scores, chosen, n_independent=N_VALUES):
    likelihoods = ClassicalRule().log_likelihoods(scores, n_independent)
    return class_probabilities(likelihoods, np.array(chosen, dtype=np.int32))


def test_the_only_class_is_certain():
    assert confidence_of(floats([0.3], [-0.2], [0.0]), [0, 0, 0]).tolist() == [1, 1, 1]


def test_two_equal_classes_are_equally_probable():
    found = confidence_of(floats([0.4, 0.4, -0.1], [0.2, 0.2, 0.0]), [0, 1])
    # The third class is none of the two, but not impossible.
    assert (found < 0.5).all()
    np.testing.assert_allclose(confidence_of(floats([0.4, 0.4]), [0]), 0.5)


def test_classes_that_do_not_correlate_are_all_equally_probable():
    found = confidence_of(floats([0, -0.3, -0.1, -0.9]), [0])
    np.testing.assert_allclose(found, 0.25)


def test_a_class_that_could_not_be_chosen_speaks_against_the_chosen_one_no_more_than_it_does():
    likelihoods = np.array([[2.0, 5.0, 1.0], [2.0, 5.0, 1.0], [2.0, 1.5, 1.0]])
    chosen = np.zeros(3, dtype=np.int32)
    compared = np.array([[True, False, True], [True, True, True], [True, False, True]])
    found = class_probabilities(likelihoods, chosen, compared)
    odds = np.exp(LIKELIHOOD_SHARE * (likelihoods - 2.0))
    capped = odds.copy()
    capped[0, 1] = 1.0
    np.testing.assert_allclose(found, 1 / capped.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        class_probabilities(likelihoods, chosen), 1 / odds.sum(axis=1), rtol=1e-6
    )


def test_probabilities_of_all_classes_add_up_to_one():
    scores = floats([0.5, 0.45, 0.3, -0.2])
    total = sum(confidence_of(scores, [k])[0] for k in range(4))
    assert total == pytest.approx(1, abs=1e-6)


def test_class_that_was_chosen_against_the_scores_is_improbable():
    assert confidence_of(floats([0.9, 0.1]), [1])[0] < 1e-6


def test_perfect_fit_is_certain_and_finite():
    found = confidence_of(floats([1, 0.99], [1, 1]), [0, 0])
    np.testing.assert_allclose(found, [1, 0.5], rtol=1e-3)


def test_share_of_an_image_in_its_average_is_taken_off_exactly():
    rng = np.random.default_rng(0)
    members = rng.normal(size=(6, 30))
    members /= np.linalg.norm(members, axis=1)[:, None]
    total = members.sum(axis=0)
    length = np.linalg.norm(total)
    others = total - members
    expected = (members * others).sum(axis=1) / np.linalg.norm(others, axis=1)
    found = without_own_share(members @ total / length, np.full(6, 1 / length))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_only_member_of_a_class_has_nothing_to_be_compared_with():
    np.testing.assert_array_equal(without_own_share(np.ones(1), np.ones(1)), 0)


def test_noise_is_not_sure_of_the_class_it_made_itself():
    """Images of noise fit an average they have a share in; without it no class is better."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(40, N_VALUES))
    noise /= np.linalg.norm(noise, axis=1)[:, None]
    labels = np.repeat(np.int32([0, 1]), 20)
    sums = np.stack([noise[labels == k].sum(axis=0) for k in (0, 1)])
    norms = np.linalg.norm(sums, axis=1)
    scores = (noise @ (sums / norms[:, None]).T).astype(np.float32)
    biased = confidence_of(scores, labels)
    own = np.arange(40), labels
    scores[own] = without_own_share(scores[own].astype(np.float64), (1 / norms)[labels])
    fair = confidence_of(scores, labels)
    assert biased.mean() > 0.65
    # Half, but for the spread of 40 images.
    assert fair.mean() == pytest.approx(0.5, abs=0.1)


def test_of_images_with_some_confidence_that_share_is_right_and_not_much_more():
    """Noisy copies of vectors, of any amplitude from zero up, judged by the true vectors.

    There is no pose to choose and the averages are true, so the likelihood holds in full.
    """
    rng = np.random.default_rng(2)
    n_images, n_classes = 20_000, 5
    views = rng.normal(size=(n_classes, N_VALUES))
    views /= np.linalg.norm(views, axis=1)[:, None]
    truth = rng.integers(0, n_classes, n_images)
    amplitude = rng.uniform(0, 10, n_images)[:, None]
    images = amplitude * views[truth] + rng.normal(size=(n_images, N_VALUES))
    scores = (images @ views.T / np.linalg.norm(images, axis=1)[:, None]).astype(np.float32)
    chosen = scores.argmax(axis=1).astype(np.int32)
    p = confidence_of(scores, chosen, N_VALUES / LIKELIHOOD_SHARE)
    right = chosen == truth
    assert 0.8 < right.mean() < 0.95
    for low in np.arange(0.2, 1.0, 0.1):
        inside = (p >= low) & (p < low + 0.1)
        spread = np.sqrt(0.25 / inside.sum())
        more = right[inside].mean() - p[inside].mean()
        # Three standard errors. Negative amplitudes are as likely as positive ones to the
        # formula; that they do not occur makes weak images right a tenth more often.
        assert -3 * spread < more < 0.1 + 3 * spread


def test_likelihood_is_that_of_the_noise_left_over():
    """The best fit a r of an image x leaves |x|^2 (1 - c^2); n values of free noise level."""
    rng = np.random.default_rng(3)
    image, views = rng.normal(size=N_VALUES), rng.normal(size=(2, N_VALUES))
    left, correlation = [], []
    for view in views:
        amplitude = image @ view / (view @ view)
        left.append(((image - amplitude * view) ** 2).sum())
        correlation.append(image @ view / np.linalg.norm(image) / np.linalg.norm(view))
    expected = -0.5 * N_VALUES * np.log(np.array(left))
    found = log_likelihood(np.abs(correlation), N_VALUES)
    assert found[0] - found[1] == pytest.approx(expected[0] - expected[1])


@pytest.mark.parametrize("box", [40, 41])
def test_noise_correlates_by_chance_as_its_independent_values_say(box):
    """Correlation of noise with anything has the variance 1 / n, at one pose."""
    plan = white_plan(box, k_max=12)
    n_images = 400
    noise = np.random.default_rng(3).normal(size=(n_images, box, box)).astype(np.float32)
    rows, still = np.arange(n_images), identity_poses(n_images)
    engine = engine_of(noise, plan)
    vectors = engine.aligned_members(rows, still)
    shown = blob_particles(box, random_poses(20, 1.0))
    references = references_from(shown, plan)
    by_chance = np.einsum("nka,mka->nm", vectors.conj(), references).real / vectors.shape[2]
    # The references are alike: as many independent values as there are images, 400, at least,
    # so the variance is known to 7 %. The mask is not quite flat over them.
    assert 1 / by_chance.var() == pytest.approx(engine.n_independent, rel=0.25)
