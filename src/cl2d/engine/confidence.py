"""Confidence: the probability that an image belongs to the class it was given.

An image as it is compared is a vector of n independent values of equal noise. With the amplitude
of the particle and the level of the noise left free, the likelihood of a class whose average
correlates with the image by c is at best proportional to ``(1 - c^2)^(-n / 2)``: what is left of
the image after the average is taken off is noise. Classes being equally likely beforehand, the
probability of one is its share of the sum over all (Bayes' rule).

Two things make this too sure: the best pose stands for the sum over all poses, of which a wrong
class has many that are nearly as good, and averages are not the true views. ``LIKELIHOOD_SHARE``
of the log-likelihood is what is left, measured on simulated molecules (docs/experiments.md).

An image is part of the average of its own class and fits that by its own noise too: with few
members, or weak particles, that is most of the fit. Its share is taken off first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Scores = npt.NDArray[np.float32]
    Values = npt.NDArray[np.float64]

_HIGHEST_CORRELATION = 1 - 1e-6
"""Scores are rounded to this; keeps the likelihood of a perfect fit finite."""

LIKELIHOOD_SHARE = 0.75
"""Share of the log-likelihood at which classes differ, poses being chosen and averages noisy."""

_LARGEST_EXPONENT = 700.0


@dataclass(frozen=True)
class Evidence:
    """What turns the scores of images against all classes into a probability.

    Attributes
    ----------
    n_independent : float
        Independent real values in an image as it is compared.
    own_labels : (n_images,) int32
        The class in whose average each image has a share, -1 for none.
    own_shares : (n_classes,) float64
        That share: the norm of a member over that of the sum of all members; 0 for none.
    """

    n_independent: float
    own_labels: npt.NDArray[np.int32]
    own_shares: Values

    def probabilities(
        self, scores: Scores, chosen: npt.NDArray[np.int32], rows: slice
    ) -> npt.NDArray[np.float32]:
        """Return the probability of the chosen class of each image.

        Parameters
        ----------
        scores : (n, n_classes), normalised correlations with the class averages
        chosen : (n,)
        rows : slice, which images of the run these are

        Returns
        -------
        (n,) float32 in [0, 1]; 1 where there is one class, 1/2 for the better of two equal ones
        """
        images = np.arange(len(scores))
        correlation = scores.astype(np.float64)
        own = self.own_labels[rows]
        members = np.flatnonzero(own >= 0)
        own = own[members]
        correlation[members, own] = without_own_share(
            correlation[members, own], self.own_shares[own]
        )
        likelihood = LIKELIHOOD_SHARE * log_likelihood(correlation, self.n_independent)
        likelihood -= likelihood[images, chosen][:, None]
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


def own_shares(sums: npt.NDArray[np.complex128]) -> Values:
    """Return the norm of an image, 1, over that of each class sum; 0 for a class without members.

    Parameters
    ----------
    sums : (n_classes, n_rings, n_angles / 2) complex128
    """
    norms = np.sqrt((np.abs(sums) ** 2).sum(axis=(1, 2)) / sums.shape[2])
    found: Values = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return found


def without_own_share(correlation: Values, share: Values) -> Values:
    """Return the correlation of members with the sum of the *other* members of their class.

    With the sum S of all, of which x is one, ``<x, S - x> / (|x| |S - x|)`` follows from the
    correlation c of x with S and its share ``g = |x| / |S|``: ``(c - g) / sqrt(1 - 2 c g + g^2)``.
    The only member of a class has nothing to be compared with: 0.
    """
    others = np.sqrt(np.maximum(1.0 - 2.0 * correlation * share + share**2, 0.0))
    found: Values = np.divide(
        correlation - share, others, out=np.zeros_like(correlation), where=others > 1e-6
    )
    return found
