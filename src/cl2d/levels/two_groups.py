"""Whether the scores on a component come from one group of members or from two."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    first = max(1, int(len(x) * share))
    means = np.array([x[:first].mean(), x[first:].mean()])
    variance = 0.5
    for _ in range(MOST_ITERATIONS):
        in_first = _posterior(x, share, means, variance)
        share = float(np.clip(in_first.mean(), SMALLEST_SHARE, 1 - SMALLEST_SHARE))
        weights = np.stack([in_first, 1.0 - in_first])
        before = means
        means = (weights @ x) / np.maximum(weights.sum(axis=1), 1e-12)
        residual = (weights * (x - means[:, None]) ** 2).sum()
        variance = max(float(residual) / len(x), SMALLEST_VARIANCE)
        if np.abs(means - before).max() < SMALLEST_STEP:
            break
    likelihood = np.logaddexp(
        np.log(share) - 0.5 * (x - means[0]) ** 2 / variance,
        np.log(1 - share) - 0.5 * (x - means[1]) ** 2 / variance,
    )
    total = float(likelihood.sum()) - 0.5 * len(x) * np.log(2 * np.pi * variance)
    return total, int((_posterior(x, share, means, variance) > 0.5).sum())


def _posterior(x: Scores, share: float, means: npt.NDArray[np.float64], variance: float) -> Scores:
    """Return the probability of each score to come from the first group."""
    log_odds = (
        np.log(share / (1 - share)) + 0.5 * ((x - means[1]) ** 2 - (x - means[0]) ** 2) / variance
    )
    posterior: Scores = expit(log_odds)
    return posterior
