"""Principal components of aligned members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    import numpy.typing as npt


def gram_spectrum(
    members: npt.NDArray[np.complex64], n_pairs: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return leading eigenvalues and eigenvectors of the inner products of members.

    Parameters
    ----------
    members : (n, ...) complex64, taken as they are, not centred
    n_pairs : int, 1 to n, at most 8

    Returns
    -------
    values : (n_pairs,) float64, largest first
        Exact where they stand out; in the bulk of noise up to a percent too low.
    vectors : (n_pairs, n) float64, orthonormal
        One thread, whatever the machine has: these matrices are small, and threads of a linear
        algebra library would wait for each other longer than they work.
    """
    flat = np.ascontiguousarray(members).reshape(len(members), -1).view(np.float32)
    values, vectors = _native.gram_spectrum(flat, n_pairs)
    return values, vectors
