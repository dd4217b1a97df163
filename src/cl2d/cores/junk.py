"""Junk z: how far an image stands from what it is said to be a picture of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from cl2d.cores.robust import LEAST_DIFFERENCE, centre_and_spread, two_sided_zscores

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.cores.noise import NoiseFit

    Array = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]

ZSCORE_OF_NOISE = 3.0
"""Junk z at which a fit is no better than that of noise."""

_NOISE_SPREADS = 1.1
_SPREADS_BELOW = 1.6
"""z reaches 3 at the typical fit of noise and 1.1 of its spreads, but no earlier than 1.6 spreads
below the typical fit of the members, which 5.5 % of a Gaussian do."""

_CENTRAL = 2.5
_SLOPE_ROUNDS = 4
_LARGEST_OFFSET = 2.0
"""A class may be unlike the other classes by so many of their spreads before it counts."""


def junk_zscores(fit: Array, statistics: Array, labels: Labels, noise: NoiseFit) -> Array:
    """Return the junk z of every member of the classes of one level.

    Parameters
    ----------
    fit : (n,) correlation of each member with the average of the others
    statistics : (n, m) of the images as read, large ones suspicious
    labels : (n,) class of each, from 0
    noise : NoiseFit

    Returns
    -------
    (n,) float64, >= 0
        ``misfit_zscores`` and ``statistics_zscores`` added in quadrature: two independent
        grounds, each of which may be enough alone.
    """
    zscores: Array = np.hypot(
        misfit_zscores(fit, labels, noise), statistics_zscores(statistics, fit, labels)
    )
    return zscores


def misfit_zscores(fit: Array, labels: Labels, noise: NoiseFit) -> Array:
    """Return how much of the class average is missing from each image.

    The residual of a member, less the average, carries noise and what the average does not
    explain; the correlation is its noise-normalised form. It is expected to lie at the median of
    the class (z = 0) if the image shows what the class shows, and where noise images lie, which
    also find their best pose, if it does not (z = 3, 1.1 spreads above the typical noise). If
    noise fits nearly as well as most members do, it decides nothing: z then reaches 3 no earlier
    than 1.6 spreads below the typical fit of all members.
    """
    typical, spread = _upper_centre_and_spread(fit)
    limit = min(noise.typical + _NOISE_SPREADS * noise.spread, typical - _SPREADS_BELOW * spread)
    step = max(noise.spread, LEAST_DIFFERENCE)
    expected = np.maximum(_class_medians(fit, labels), limit + step)[labels]
    return np.maximum(ZSCORE_OF_NOISE * (expected - fit) / (expected - limit), 0.0)


def statistics_zscores(statistics: Array, fit: Array, labels: Labels) -> Array:
    """Return how far the image statistics stand out, given class and fit.

    A strong particle fits its class well *and* has much power; power that the fit does not
    explain is something else. So each statistic is compared with its class and with what is
    usual at that fit, and measured in robust spreads. The largest of the m deviations counts, at
    the probability that the largest of m Gaussian ones would be as large.
    """
    fit_offset = fit - _class_medians(fit, labels)[labels]
    m = statistics.shape[1]
    largest = np.full(len(fit), -np.inf)
    for column in statistics.T:
        offset = column - _shared_class_medians(column, labels)[labels]
        offset = offset - _robust_slope(fit_offset, offset) * fit_offset
        centre, spread = centre_and_spread(offset)
        if spread > 0:
            largest = np.maximum(largest, (offset - centre) / spread)
    # 1 - (1 - p)^m, without losing small p.
    p_values = -np.expm1(m * np.log1p(-np.minimum(ndtr(-largest), 1 - 1e-16)))
    return two_sided_zscores(p_values)


def _upper_centre_and_spread(values: Array) -> tuple[float, float]:
    """Return the median and the spread above it; junk, which fits badly, lies below."""
    middle, upper = np.quantile(values, (0.5, ndtr(1.0)))
    return float(middle), float(upper - middle)


def _class_medians(values: Array, labels: Labels) -> Array:
    """Return the median of each class, NaN for one that has no members here."""
    medians = np.full(int(labels.max()) + 1, np.nan)
    for k in np.unique(labels):
        medians[k] = np.median(values[labels == k])
    return medians


def _shared_class_medians(values: Array, labels: Labels) -> Array:
    """Return class medians, none further off than the classes usually lie from each other.

    A class made of junk must not be the measure of its members.
    """
    medians = _class_medians(values, labels)
    centre, spread = centre_and_spread(medians[np.isfinite(medians)])
    reach = _LARGEST_OFFSET * spread
    shared: Array = np.clip(medians, centre - reach, centre + reach)
    return shared


def _robust_slope(x: Array, y: Array) -> float:
    """Return the slope of y on x, both about zero, fitted to the points near the line."""
    slope = 0.0
    near = np.ones(len(x), dtype=bool)
    for _ in range(_SLOPE_ROUNDS):
        power = float(x[near] @ x[near])
        if power == 0.0:
            return 0.0
        slope = float(x[near] @ y[near]) / power
        centre, spread = centre_and_spread(y - slope * x)
        near = np.abs(y - slope * x - centre) <= _CENTRAL * spread
    return slope
