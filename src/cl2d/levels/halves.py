"""What two halves of a class are worth to members that had no part in making them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Gains = npt.NDArray[np.float64]
    Members = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class TotalGain:
    """What two averages are worth to all members of a class, as judged by some of them.

    Attributes
    ----------
    total, error : sum of the gains of all members, and its standard error
    n_members : int
    """

    total: float
    error: float
    n_members: int

    @property
    def at_least(self) -> float:
        """Two standard errors below."""
        return self.total - 2 * self.error

    @property
    def at_most(self) -> float:
        """Two standard errors above."""
        return self.total + 2 * self.error

    def outweighs(self, loss: TotalGain) -> bool:
        """Tell whether this is more than a loss elsewhere: surely in all, and for each member."""
        in_all = self.at_least > loss.at_most
        return in_all and self.total * loss.n_members > loss.total * self.n_members


def total_gain(gains: Gains, n_members: int) -> TotalGain:
    """Return the gain of ``n_members`` from the gains of a sample of them."""
    spread = float(gains.std(ddof=1)) if len(gains) > 1 else np.inf
    error = n_members * spread / np.sqrt(len(gains))
    return TotalGain(n_members * float(gains.mean()), error, n_members)


def held_out_gains(members: Members, in_first: npt.NDArray[np.bool_]) -> Gains:
    """Return by how much halves fit held-out members better than the whole class does.

    Every other member goes into averages: of the first half, of the second, and of both. The
    rest are correlated with all three where they lie; the gain of each is the better half's
    correlation less that of the whole. Halves that differ by noise alone gain next to nothing:
    their averages are of half as many members, and so noisier.

    The average of both is held against each half with the rings scaled as that half has them, by
    least squares. So halves that differ by the strength of the rings alone gain nothing either:
    one view at two defoci, or at two levels of sharpness, is one view.

    Parameters
    ----------
    members : (n, n_rings, n_coefficients) complex64
        Aligned members, weighted so that the plain inner product is that of the scores.
    in_first : (n,) bool
        Which half each is in; of the judges, every second member, it does not matter.

    Returns
    -------
    gains : (n // 2,) float64, one a member held out, whatever the halves
    """
    real = members.view(np.float32)
    judges = real[1::2].astype(np.float64)
    lengths = np.sqrt(np.einsum("ijk,ijk->i", judges, judges))
    trained, trained_in_first = real[::2], in_first[::2]
    halves = [
        trained[side].sum(axis=0, dtype=np.float64)
        for side in (trained_in_first, ~trained_in_first)
    ]
    whole = halves[0] + halves[1]
    apart = [_correlations(judges, lengths, half) for half in halves]
    together = [_correlations(judges, lengths, _with_rings_of(half, whole)) for half in halves]
    gains: Gains = np.maximum(*apart) - np.maximum(*together)
    return gains


def _with_rings_of(
    wanted: npt.NDArray[np.float64], average: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return an average with each ring scaled so as to come nearest to the wanted one."""
    products = np.einsum("jk,jk->j", wanted, average)
    squares = np.einsum("jk,jk->j", average, average)
    scales = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0)
    return scales[:, None] * average


def clearly_better(gains: Gains, others: Gains) -> bool:
    """Tell whether gains exceed others, of the same members, by two standard errors on average."""
    difference = gains - others
    if len(difference) < 2:
        return False
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return bool(difference.mean() > 2 * error)


def _correlations(
    images: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.float64],
    average: npt.NDArray[np.float64],
) -> Gains:
    """Return the normalised correlation of each image with an average, 0 where one is zero."""
    # einsum, not a matrix product: the libraries behind that may sum in another order per machine.
    norms = lengths * np.sqrt(np.einsum("jk,jk->", average, average))
    products = np.einsum("ijk,jk->i", images, average)
    found: Gains = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return found
