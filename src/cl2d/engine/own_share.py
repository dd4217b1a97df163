"""What an image adds to the average it is compared with, and scores without it.

An image is part of the average of its class, noise and all, and that alone lets it fit its own
class better than another one by about 1 / (what the class has of signal): much for a small class.
Images would stay where they are because they are there; in pure noise they all do. So the own class
is judged by the average of the *other* members: leave-one-out, without making any average anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class OwnShare:
    """Sums of classes, as far as they concern the scores of their own members.

    Attributes
    ----------
    labels : (n_images,) int32
        Class in whose sum each image is; -1 for none, or where the reference is not that sum.
    lengths : (n_classes,) float64
        Length of each sum; that of an image is 1.
    counts : (n_classes,) int64, members of each class
    """

    labels: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    def scores_without_own(
        self, scores: npt.NDArray[np.float32], classes: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float32]:
        """Return scores of images against their own classes without themselves.

        Parameters
        ----------
        scores : (n,) float32
            Correlation of each image with the sum of its class.
        classes : (n,) int32

        Notes
        -----
        With the sum S of length L, the image a of length 1 and s = <a, S> / L, what is left of
        the correlation without it is (s L - 1) / |S - a|, and |S - a|^2 = L^2 - 2 s L + 1. The
        only member of a class keeps its score.

        An image that has moved since the sum was made has less of an advantage than is taken
        off, so its own class is judged too low. That is meant: such images are not sure of their
        class, and with the exact share fewer of them find a better one (docs/experiments.md).
        """
        length = self.lengths[classes]
        product = scores.astype(np.float64) * length
        rest = np.sqrt(np.maximum(length**2 - 2 * product + 1, 0))
        judged = (self.counts[classes] > 1) & (rest > 0)
        left = np.divide(product - 1, rest, out=np.zeros_like(rest), where=judged)
        return np.where(judged, np.clip(left, -1, 1), scores).astype(np.float32)
