"""Distances become z-scores of one dimension, whatever the number of components."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from cl2d.cores.robust import (
    LARGEST_ZSCORE,
    centre_and_spread,
    squared_distances,
    two_sided_zscores,
    zscores_of_distances,
)

N = 200_000
OUTSIDE_3_SIGMA = 2 * norm.sf(3.0)


def gaussian_members(n: int, n_components: int, seed: int) -> np.ndarray:
    """Return correlated Gaussian scores with very unequal variances, off the origin."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_components, n_components)) * 10.0 ** rng.uniform(
        -2, 2, n_components
    )
    return rng.normal(size=(n, n_components)) @ mixing + 5.0


@pytest.mark.parametrize("n_components", [1, 2, 3, 8])
def test_z_above_3_rejects_0_27_percent_of_a_gaussian_class(n_components: int) -> None:
    scores = gaussian_members(N, n_components, seed=n_components)
    z = zscores_of_distances(squared_distances(scores), n_components)
    sampling_error = np.sqrt(OUTSIDE_3_SIGMA / N)
    assert abs(np.mean(z > 3) - OUTSIDE_3_SIGMA) < 4 * sampling_error


@pytest.mark.parametrize("n_components", [1, 2, 3, 8])
def test_classes_of_hundreds_are_rejected_little_more(n_components: int) -> None:
    shares = []
    for seed in range(200):
        scores = gaussian_members(300, n_components, seed)
        z = zscores_of_distances(squared_distances(scores), n_components)
        shares.append(np.mean(z > 3))
    assert np.mean(shares) < 2 * OUTSIDE_3_SIGMA


def test_outliers_do_not_hide_each_other() -> None:
    scores = gaussian_members(1000, 2, seed=0)
    spread = scores.std(axis=0)
    scores[:200] = scores.mean(axis=0) + 30 * spread
    z = zscores_of_distances(squared_distances(scores), 2)
    assert (z[:200] > 3).all()
    assert np.mean(z[200:] > 3) < 0.01


def test_scores_without_spread_have_no_outliers() -> None:
    assert not squared_distances(np.full((50, 2), 3.0)).any()


def test_centre_and_spread_are_those_of_a_gaussian() -> None:
    values = np.random.default_rng(0).normal(7.0, 2.0, N)
    centre, spread = centre_and_spread(values)
    assert centre == pytest.approx(7.0, abs=0.03)
    assert spread == pytest.approx(2.0, abs=0.03)


def test_p_values_are_two_sided_and_bounded() -> None:
    z = two_sided_zscores(np.array([1.0, 2 * norm.sf(2.0), 0.0]))
    np.testing.assert_allclose(z, [0.0, 2.0, LARGEST_ZSCORE], rtol=1e-9)
