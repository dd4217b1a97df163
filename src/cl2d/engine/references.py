"""References on the polar grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def normalised_references(sums: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex64]:
    """Return class sums scaled to norm 1, so that a search gives normalised correlations.

    Parameters
    ----------
    sums : (n_classes, n_rings, n_angles / 2) complex128
        The squared norm is the mean over angles of ``|sum|^2``, added up over rings. A class
        without members stays zero and correlates with nothing.
    """
    lengths = sum_lengths(sums)
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    scaled: npt.NDArray[np.complex64] = (sums * scale[:, None, None]).astype(np.complex64)
    return scaled


def sum_lengths(sums: npt.NDArray[np.complex128]) -> npt.NDArray[np.float64]:
    """Return the norm of each class sum, (n_classes,), in which that of an image is 1."""
    power = (np.abs(sums) ** 2).sum(axis=(1, 2)) / sums.shape[2]
    lengths: npt.NDArray[np.float64] = np.sqrt(power)
    return lengths
