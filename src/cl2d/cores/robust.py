"""Centre and spread that outliers cannot move, and distances turned into z-scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc, gammaincc, gammaincinv, ndtr, ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.482602218505602
"""Standard deviation of a Gaussian over its median absolute deviation."""

LARGEST_ZSCORE = 37.0
"""Beyond it a Gaussian tail underflows in double precision."""

LEAST_DIFFERENCE = 1e-6
"""Correlations and scores are sums in single precision: what differs by less does not differ."""

_REWEIGHTING_ROUNDS = 5
_CENTRAL = 0.975


def centre_and_spread(values: Array) -> tuple[float, float]:
    """Return the median, and the spread from the median absolute deviation; (n,), n >= 1."""
    centre = float(np.median(values))
    return centre, MAD_TO_SIGMA * float(np.median(np.abs(values - centre)))


def squared_distances(scores: Array) -> Array:
    """Return robust squared Mahalanobis distances, chi-squared for Gaussian scores.

    Parameters
    ----------
    scores : (n, q), n > q

    Returns
    -------
    (n,) float64
        Centre and covariance are those of the members that lie within the central 97.5 % under
        them, found by repetition from medians and absolute deviations, and corrected for what was
        cut away (P. Rousseeuw and B. van Zomeren, J. Am. Stat. Assoc. 85, 1990). 0 for members
        that are all alike.
    """
    n, q = scores.shape
    if np.ptp(scores, axis=0).max() <= LEAST_DIFFERENCE:
        return np.zeros(n)
    columns = [centre_and_spread(scores[:, j]) for j in range(q)]
    centre = np.array([c for c, _ in columns])
    spread = np.array([max(s, LEAST_DIFFERENCE) for _, s in columns])
    distances: Array = np.square((scores - centre) / spread).sum(axis=1)
    # Chi-squared of q is twice a gamma of q / 2; scipy.stats takes a second to import.
    limit = 2.0 * gammaincinv(0.5 * q, _CENTRAL)
    # E[d^2 | d^2 < limit] / q: what cutting takes off each variance.
    kept_variance = gammainc(0.5 * q + 1.0, 0.5 * limit) / _CENTRAL
    for _ in range(_REWEIGHTING_ROUNDS):
        central = scores[distances <= limit]
        if len(central) < max(q + 2, n // 2):
            break
        centre = central.mean(axis=0)
        covariance = (central - centre).T @ (central - centre) / (len(central) - 1)
        inverse = np.linalg.pinv(covariance / kept_variance, hermitian=True)
        away = scores - centre
        distances = np.einsum("ij,jk,ik->i", away, inverse, away)
    return distances


def zscores_of_distances(squared: Array, n_components: int) -> Array:
    """Return the z of one dimension that is as unlikely as each distance in ``n_components``.

    ``P(|Z| > z) = P(chi^2 > d^2)``: z > 3 holds for 0.27 % of Gaussian members, whatever the
    number of components.
    """
    return two_sided_zscores(gammaincc(0.5 * n_components, 0.5 * squared))


def two_sided_zscores(p_values: Array) -> Array:
    """Return the z >= 0 with ``P(|Z| > z) = p``."""
    z: Array = -ndtri(np.maximum(p_values, 2 * ndtr(-LARGEST_ZSCORE)) / 2)
    return np.maximum(z, 0.0)
