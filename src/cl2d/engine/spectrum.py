"""Principal components of aligned members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    import numpy.typing as npt


def gram_spectrum(
    members: npt.NDArray[np.complex64], n_vectors: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return eigenvalues and leading eigenvectors of the inner products of members.

    Parameters
    ----------
    members : (n, ...) complex64, taken as they are, not centred
    n_vectors : int, 1 to n

    Returns
    -------
    values : (n,) float64, largest first
    vectors : (n_vectors, n) float64, orthonormal
        One thread, whatever the machine has: these matrices are small, and threads of a linear
        algebra library would wait for each other longer than they work.
    """
    flat = np.ascontiguousarray(members).reshape(len(members), -1).view(np.float32)
    values, vectors = _native.gram_spectrum(flat, n_vectors)
    return values, vectors
