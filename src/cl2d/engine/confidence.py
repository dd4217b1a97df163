"""Confidence: the probability that an image belongs to the class it was given.

An image as it is compared is a vector of n independent values of equal noise. With the amplitude
of the particle and the level of the noise left free, the likelihood of a class whose average
correlates with the image by c is at best proportional to ``(1 - c^2)^(-n / 2)``: what is left of
the image after the average is taken off is noise. Classes being equally likely beforehand, the
probability of one is its share of the sum over all (Bayes' rule).

Two things make this too sure: the best pose stands for the sum over all poses, of which a wrong
class has many that are nearly as good, and averages are not the true views. ``LIKELIHOOD_SHARE``
of the log-likelihood is what is left, measured on simulated molecules (docs/experiments.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

_HIGHEST_CORRELATION = 1 - 1e-6
"""Scores are rounded to this; keeps the likelihood of a perfect fit finite."""

LIKELIHOOD_SHARE = 0.75
"""Share of the log-likelihood at which classes differ, poses being chosen and averages noisy."""

_LARGEST_EXPONENT = 700.0


def class_probabilities(
    log_likelihoods: Values,
    chosen: npt.NDArray[np.int32],
    compared: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the probability of the chosen class of each image.

    Parameters
    ----------
    log_likelihoods : (n, n_classes) float64
        Of the images given each class, by averages in which they have no share
        (:class:`cl2d.engine.own_share.OwnShare`); up to a constant of each image.
    chosen : (n,)
    compared : (n, n_classes) bool, optional
        Classes an image was compared with in full, the chosen one among them. The likelihood of
        another is a lower estimate, which speaks against the chosen one; but one that could not be
        chosen counts for no more than that.

    Returns
    -------
    (n,) float32 in [0, 1]; 1 where there is one class, 1/2 for the better of two equal ones
    """
    likelihood = LIKELIHOOD_SHARE * log_likelihoods
    likelihood -= likelihood[np.arange(len(chosen)), chosen][:, None]
    if compared is not None:
        likelihood = np.where(compared, likelihood, np.minimum(likelihood, 0.0))
    # Another class may be more likely by far, under a rule that does not go by correlation.
    odds = np.exp(np.minimum(likelihood, _LARGEST_EXPONENT))
    found: npt.NDArray[np.float32] = (1.0 / odds.sum(axis=1)).astype(np.float32)
    return found


def log_likelihood(correlation: Values, n_independent: float) -> Values:
    """Return the log-likelihood of images given averages they correlate with so much.

    Amplitude and noise level are free, so it is up to a constant of each image; no average is
    worse than one that does not correlate at all.
    """
    known = np.clip(correlation, 0.0, _HIGHEST_CORRELATION)
    found: Values = -0.5 * n_independent * np.log1p(-np.square(known))
    return found
