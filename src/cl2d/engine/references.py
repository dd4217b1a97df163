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
        The norm is the mean over angles of ``|sum|^2``, added up over rings. A class without
        members stays zero and correlates with nothing.
    """
    half_angles = sums.shape[2]
    power = (np.abs(sums) ** 2).sum(axis=(1, 2)) / half_angles
    scale = np.divide(1.0, np.sqrt(power), out=np.zeros_like(power), where=power > 0)
    scaled: npt.NDArray[np.complex64] = (sums * scale[:, None, None]).astype(np.complex64)
    return scaled
