"""Whether the scores on a component come from one group of members or from two."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.float64]

MOST_ITERATIONS = 60
SMALLEST_STEP = 1e-4
"""Change of the means, in standard deviations of the scores, at which a fit has settled."""

START_SHARES = (0.3, 0.5, 0.7)
SMALLEST_SHARE = 0.02
SMALLEST_VARIANCE = 1e-3
"""Of standardised scores: keeps a group from shrinking onto a single value."""


class _Fit(NamedTuple):
    """Two Gaussians of one variance: share of the first, means of both."""

    share: float
    first: float
    second: float
    variance: float


def two_group_evidence(scores: Scores) -> tuple[float, int]:
    """Weigh two Gaussians of one variance against a single Gaussian.

    Parameters
    ----------
    scores : (n,) ascending, n >= 2

    Returns
    -------
    gain : float
        Half the difference of the Bayesian information criteria, per member: positive where two
        groups explain the scores better even after paying for the two extra parameters
        (G. Schwarz, Annals of Statistics 6, 1978). Near zero for one group of any spread, so a
        large but pure class is not mistaken for a mixture.
    first_size : int
        How many of the lowest scores belong to the first group, at least 1 and at most n - 1.
    """
    n = len(scores)
    spread = float(scores.std())
    if spread == 0.0:
        return -np.log(n) / n, n // 2
    standard = (scores - scores.mean()) / spread
    best, first_size = max(_fit_two_groups(standard, share) for share in START_SHARES)
    one_group = -0.5 * n * (np.log(2 * np.pi) + 1.0)
    return (best - one_group - np.log(n)) / n, int(np.clip(first_size, 1, n - 1))


def _fit_two_groups(x: Scores, share: float) -> tuple[float, int]:
    """Return the log-likelihood of the fitted mixture and the size of its first group (EM)."""
    n = len(x)
    total, squares = float(x.sum()), float(np.square(x).sum())
    first = max(1, int(n * share))
    below = float(x[:first].sum())
    fit = _Fit(share, below / first, (total - below) / (n - first), 0.5)
    for _ in range(MOST_ITERATIONS):
        in_first = _posterior(x, fit)
        n_first = float(in_first.sum())
        # Not a product of the linear algebra library: its bits depend on threads.
        sum_first = float(np.einsum("i,i->", in_first, x))
        before, fit = fit, _likeliest(n_first, sum_first, n, total, squares)
        if max(abs(fit.first - before.first), abs(fit.second - before.second)) < SMALLEST_STEP:
            break
    likelihood = np.logaddexp(
        np.log(fit.share) - 0.5 * (x - fit.first) ** 2 / fit.variance,
        np.log(1 - fit.share) - 0.5 * (x - fit.second) ** 2 / fit.variance,
    )
    value = float(likelihood.sum()) - 0.5 * n * np.log(2 * np.pi * fit.variance)
    return value, int((_posterior(x, fit) > 0.5).sum())


def _posterior(x: Scores, fit: _Fit) -> Scores:
    """Return the probability of each score to come from the first group.

    The variance being one, the logarithm of the odds is a straight line.
    """
    slope = (fit.first - fit.second) / fit.variance
    offset = log(fit.share / (1 - fit.share)) - 0.5 * slope * (fit.first + fit.second)
    posterior: Scores = expit(slope * x + offset)
    return posterior


def _likeliest(n_first: float, sum_first: float, n: int, total: float, squares: float) -> _Fit:
    """Return the likeliest mixture, given how many of n scores are in the first group, and sums."""
    n_second = max(n - n_first, 1e-12)
    n_first = max(n_first, 1e-12)
    first, second = sum_first / n_first, (total - sum_first) / n_second
    # Squares about the means of their groups are all squares less those of the means.
    residual = squares - n_first * first**2 - n_second * second**2
    share = min(max(n_first / n, SMALLEST_SHARE), 1 - SMALLEST_SHARE)
    return _Fit(share, first, second, max(residual / n, SMALLEST_VARIANCE))
