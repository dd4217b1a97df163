"""How well the members of each class are expected to fit it, by the length of their sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


LEAST_EXPECTED = 0.01
"""Where members share nothing, less than this is not told from it. Classes of noise are all alike
then, and images go by their scores."""


def expected_scores(
    lengths: Values, counts: npt.NDArray[np.int64], changed: npt.NDArray[np.bool_]
) -> Values:
    """Return the correlation of a member with the sum of the other members, on average.

    Parameters
    ----------
    lengths : (n_classes,) float64
        Length of the sum of each class; that of a member is 1.
    counts : (n_classes,) int64, members in each sum
    changed : (n_classes,) bool
        Classes that are not these sums any more. They are expected to be like the others, as are
        those of one member.

    Returns
    -------
    (n_classes,) float64 from ``LEAST_EXPECTED`` to 1

    Notes
    -----
    Of n members, two correlate by ``a^2 = (L^2 - n) / (n (n - 1))`` on average, where L is the
    length of their sum. A member and the sum of the others, whose squared length is
    ``(n - 1) (1 + (n - 2) a^2)``, correlate by ``a^2 sqrt((n - 1) / (1 + (n - 2) a^2))``: what the
    members share, a, times how much of the sum of the others is that.
    """
    n = np.maximum(counts.astype(np.float64), 2.0)
    shared = np.clip((np.square(lengths) - n) / (n * (n - 1)), 0.0, 1.0)
    expected: Values = shared * np.sqrt((n - 1) / (1 + (n - 2) * shared))
    known = (counts > 1) & ~changed
    members = np.where(known, counts, 0)
    usual = float(members @ expected) / max(1, int(members.sum()))
    return np.maximum(np.where(known, expected, usual), LEAST_EXPECTED)
