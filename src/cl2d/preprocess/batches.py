"""Images a few at a time, as transforms and caches like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_IMAGES = 16
_MOST_BYTES = 1 << 20


def batch_length(box_px: int) -> int:
    """Return how many images are treated together: 16, or one of a box above 128 pixels.

    A transform of 16 images has a number of lines that is a multiple of any SIMD width, one of a
    single image has its lines alone: either way the bits of an image do not depend on its place in
    a block. More than a megabyte would not stay in the cache, and be asked of the system and given
    back each time.
    """
    return _IMAGES if _IMAGES * 4 * box_px**2 <= _MOST_BYTES else 1


def batches(n_images: int, box_px: int) -> list[slice]:
    """Return the rows of each batch of a block, the last of which may be shorter."""
    length = batch_length(box_px)
    return [slice(first, min(first + length, n_images)) for first in range(0, n_images, length)]


def full_batch(images: npt.NDArray[np.floating], rows: slice) -> npt.NDArray[np.float32]:
    """Return the images of a batch, filled up with zeros to its full length.

    It is not to be written to: where possible it is a view.

    Parameters
    ----------
    images : (n, box, box) real
    rows : one of :func:`batches`

    Returns
    -------
    (batch_length(box), box, box) float32, C-contiguous
    """
    batch, length = images[rows], batch_length(images.shape[1])
    if len(batch) == length:
        return np.ascontiguousarray(batch, dtype=np.float32)
    filled = np.zeros((length, *images.shape[1:]), dtype=np.float32)
    filled[: len(batch)] = batch
    return filled
