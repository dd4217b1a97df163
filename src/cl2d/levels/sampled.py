"""The iterations of a level on a sample of the images, where there are more than these need.

An average of a thousand images is as good a reference as one of a hundred thousand: what its
iterations cost should go by the number of classes, not of images (faiss trains its centroids on a
bounded number of points each for the same reason). All images are compared with the averages found
so, and make the averages anew, in the last iterations of each level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.intp]

LARGEST_SHARE = 0.5
"""A sample of more of the images saves less than it is worth."""

ITERATIONS_OF_ALL = 2
"""Iterations of all images that end a level that began on a sample: one by the averages of the
sample, one by those of all."""


def sample_size(n_usable: int, n_classes: int, images_per_class: int) -> int:
    """Return how many images the iterations of a level look at, those before the closing ones.

    Parameters
    ----------
    n_usable : int
    n_classes : int
    images_per_class : int
        Images a class, on average; 0 for all there are.
    """
    wanted = n_classes * images_per_class
    return n_usable if wanted == 0 or wanted > LARGEST_SHARE * n_usable else wanted


def sample_of(usable: npt.NDArray[np.bool_], n_classes: int, images_per_class: int) -> Rows | None:
    """Return images that iterations of a level look at, evenly spread; None for all of them."""
    rows = np.flatnonzero(usable)
    size = sample_size(len(rows), n_classes, images_per_class)
    if size == len(rows):
        return None
    return rows[np.linspace(0, len(rows) - 1, size).astype(np.intp)]
