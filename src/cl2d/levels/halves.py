"""What two halves of a class are worth to members that had no part in making them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Gains = npt.NDArray[np.float64]
    Members = npt.NDArray[np.complex64]

ONE_VIEW_CORRELATION = 0.98
"""Two averages as alike as this, but for their noise, show one view.

Large classes of one view surely differ by little things, such as where between the points of the
search their members lie, or astigmatism: by 0.99 on simulated particles whose CTF is as recorded.
"""

N_FOLDS = 4
"""Parts of a class of which each is judged by averages of the others. With two, averages of a small
class are too noisy to tell its views apart; with ten hardly more is told than with four."""

FEWEST_JUDGED = 4
"""Members below which nothing is sure: averages of the others are single images, or none."""

GOLDEN_SECTION = 0.6180339887498949

TINY = 1e-30
LEAST_FIT = 1e-3
"""Correlations are taken to be this far from 0 and 1, where the slope of a likelihood ends."""


@dataclass(frozen=True)
class TotalGain:
    """What two averages are worth to all members of a class, as judged by some of them.

    Attributes
    ----------
    total, error : sum of the gains of all members, and its standard error
    n_members : int
    edge : float
        Total below which the two averages show one view (:func:`least_gain`).
    """

    total: float
    error: float
    n_members: int
    edge: float = 0.0

    @property
    def at_least(self) -> float:
        """Two standard errors below."""
        return self.total - 2 * self.error

    @property
    def at_most(self) -> float:
        """Two standard errors above."""
        return self.total + 2 * self.error

    @property
    def tells_apart(self) -> bool:
        """Whether two averages are surely better than one, and by more than one view explains."""
        return self.at_least > 0 and self.total > self.edge

    def outweighs(self, loss: TotalGain) -> bool:
        """Tell whether this is more than a loss elsewhere: surely in all, and for each member."""
        in_all = self.at_least > loss.at_most
        return in_all and self.total * loss.n_members > loss.total * self.n_members


def total_gain(gains: Gains, n_members: int, edge: float = 0.0) -> TotalGain:
    """Return the gain of ``n_members`` from the gains of a sample of them; ``edge`` is a total."""
    spread = float(gains.std(ddof=1)) if len(gains) >= FEWEST_JUDGED else np.inf
    error = n_members * spread / np.sqrt(len(gains))
    return TotalGain(n_members * float(gains.mean()), error, n_members, edge)


def least_gain(n_members: int, share: float, score: float) -> float:
    """Return what two averages gain in all if they are as alike as one view is to itself.

    Of members with the score s, a share p shows one view and the others one that correlates with
    it by c, so that the best single average lies between the two. The mean gain of having both is
    2 p (1 - p) (1 - c) s / 2, to the first order in 1 - c.

    Parameters
    ----------
    n_members : int
    share : float, of the members that show one of the two views
    score : float, mean score of the members
    """
    return n_members * share * (1 - share) * (1 - ONE_VIEW_CORRELATION) * score


def held_out_gains(members: Members, in_first: npt.NDArray[np.bool_], n_independent: int) -> Gains:
    """Return by how much halves fit held-out members better than the whole class does.

    The members are dealt to four folds. Those of three go into averages: of the first half, of
    the second, and of both; those of the fourth are held against them where they lie. So each
    member is judged once, by averages it had no part in. Three things are allowed for, so that
    halves which differ by noise alone gain nothing:

    - Averages of fewer members are noisier; this costs the halves as it should.
    - The better of two averages always fits noise better than one. So a member gains the mean of
      its likelihoods of coming from either half, weighted by their shares, over its likelihood of
      coming from the whole, as in a mixture of two; not the better one's.
    - One view at two defoci, or at two levels of sharpness, is one view: the average of both is
      held against each half with the rings scaled as that half has them, by least squares.

    Parameters
    ----------
    members : (n, n_rings, n_coefficients) complex64
        Aligned members, weighted so that the plain inner product is that of the scores.
    in_first : (n,) bool
        Which half each is in; for the judgement of a member itself it does not matter.
    n_independent : int
        Independent numbers in the noise of a member (:attr:`cl2d.engine.Engine.n_independent`).

    Returns
    -------
    gains : (n,) float64
        Logarithms of the ratio of the two likelihoods, in units of the correlation: divided by
        what a small change of the correlation adds to the logarithm of a likelihood.
    """
    real = members.view(np.float32)
    fold = folds(len(members))
    cells = 2 * fold + ~in_first
    sums = np.stack(
        [real[cells == cell].sum(axis=0, dtype=np.float64) for cell in range(2 * N_FOLDS)]
    ).reshape(N_FOLDS, 2, *real.shape[1:])
    counts = np.bincount(cells, minlength=2 * N_FOLDS).reshape(N_FOLDS, 2)
    gains: Gains = np.zeros(len(members))
    for judged in range(N_FOLDS):
        others = np.arange(N_FOLDS) != judged
        judges = real[fold == judged].astype(np.float64)
        gains[fold == judged] = _gains_of(
            judges, sums[others].sum(axis=0), counts[others].sum(axis=0), n_independent
        )
    return gains


def folds(n_members: int) -> npt.NDArray[np.intp]:
    """Return the fold of each member: equally many in each, and spread evenly whatever the order.

    Rows may be periodic, by movie or by view, so that every fourth row would not do. Multiples of
    the golden section, modulo one, fill an interval evenly without a period.
    """
    places = np.arange(1, n_members + 1) * GOLDEN_SECTION % 1.0
    folds = np.empty(n_members, dtype=np.intp)
    folds[np.argsort(places, kind="stable")] = np.arange(n_members) * N_FOLDS // max(1, n_members)
    return folds


def _gains_of(
    judges: npt.NDArray[np.float64],
    halves: npt.NDArray[np.float64],
    counts: npt.NDArray[np.intp],
    n_independent: int,
) -> Gains:
    """Return the gains of some members by the sums of halves, (2, ...), of others."""
    judges /= np.maximum(_lengths(judges), TINY)[:, None, None]
    whole = halves[0] + halves[1]
    shares = counts / max(1, int(counts.sum()))
    apart = np.stack([_correlations(judges, half) for half in halves])
    together = np.stack([_correlations(judges, with_rings_of(half, whole)) for half in halves])
    return mixture_gains(apart, together, shares, n_independent)


def mixture_gains(apart: Gains, together: Gains, shares: Gains, n_independent: int) -> Gains:
    """Return by how much members are likelier to come from either half than from the whole.

    Parameters
    ----------
    apart : (2, n), correlations with the averages of the halves
    together : (2, n), correlations with that of the whole, its rings scaled as in each half
    shares : (2,), of the members in each half
    n_independent : int, as of :func:`held_out_gains`
    """
    fit = float(together.mean()) if together.size else 0.0
    slope = likelihood_slope(fit, n_independent)
    gains: Gains = (_mixed(slope * apart, shares) - _mixed(slope * together, shares)) / slope
    return gains


def likelihood_slope(fit: float, n_independent: int) -> float:
    """Return the change of a member's log-likelihood with its correlation, at the mean of it.

    An image of d independent numbers with white noise, whose correlation with its view is c,
    has the log-likelihood -d/2 log(1 - c^2) once strength and noise are fitted, so the slope is
    d c / (1 - c^2).
    """
    fit = float(np.clip(fit, LEAST_FIT, 1 - LEAST_FIT))
    return n_independent * fit / (1 - fit**2)


def _mixed(log_likelihoods: Gains, shares: Gains) -> Gains:
    """Return the logarithm of the mean of likelihoods (2, n), weighted by shares (2,)."""
    with np.errstate(divide="ignore"):  # a half without trained members has no share
        weights = np.log(shares)
    mixed: Gains = np.logaddexp.reduce(log_likelihoods + weights[:, None], axis=0)
    return mixed


def with_rings_of(
    wanted: npt.NDArray[np.float64], average: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return an average with each ring scaled so as to come nearest to the wanted one."""
    products = np.einsum("jk,jk->j", wanted, average)
    squares = np.einsum("jk,jk->j", average, average)
    scales = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0)
    scaled: npt.NDArray[np.float64] = scales[:, None] * average
    return scaled


def clearly_better(gains: Gains, others: Gains) -> bool:
    """Tell whether gains exceed others, of the same members, by two standard errors on average."""
    difference = gains - others
    if len(difference) < 2:
        return False
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(difference.mean() > 2 * error)


def _lengths(images: npt.NDArray[np.float64]) -> Gains:
    found: Gains = np.sqrt(np.einsum("ijk,ijk->i", images, images))
    return found


def _correlations(images: npt.NDArray[np.float64], average: npt.NDArray[np.float64]) -> Gains:
    """Return the correlation of each image, of length 1, with an average; 0 if that is zero."""
    # einsum, not a matrix product: the libraries behind that may sum in another order per machine.
    length = float(np.sqrt(np.einsum("jk,jk->", average, average)))
    found: Gains = np.einsum("ijk,jk->i", images, average) / max(length, TINY)
    return found
