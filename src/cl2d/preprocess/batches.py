"""Images a few at a time, as transforms and caches like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BATCH = 16
"""Images that are treated together.

Always as many, so that a transform sees the same number of lines, a multiple of any SIMD width, and
the bits of an image do not depend on its place in a block; and few, so that they stay in the cache.
"""


def full_batch(images: npt.NDArray[np.floating], start: int) -> npt.NDArray[np.float32]:
    """Return ``BATCH`` images from one on, the last batch filled up with zeros.

    It is not to be written to: where possible it is a view.

    Parameters
    ----------
    images : (n, box, box) real

    Returns
    -------
    (BATCH, box, box) float32, C-contiguous
    """
    batch = images[start : start + BATCH]
    if len(batch) == BATCH:
        return np.ascontiguousarray(batch, dtype=np.float32)
    filled = np.zeros((BATCH, *images.shape[1:]), dtype=np.float32)
    filled[: len(batch)] = batch
    return filled
