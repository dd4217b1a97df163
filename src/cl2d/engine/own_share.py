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

    def within(self, group: int, rows: npt.NDArray[np.intp]) -> OwnShare:
        """Return what some images of one group add, of sums that are those of several groups.

        Labels are within the groups then, and lengths and counts (n_groups, n_classes).
        """
        return OwnShare(self.labels[rows], self.lengths[group], self.counts[group])

    def part(self, rows: slice) -> OwnShare:
        """Return what some of the images add."""
        return OwnShare(self.labels[rows], self.lengths, self.counts)

    def left_out(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return scores (n_images, n_classes), those against the own class without own share."""
        member = np.flatnonzero(self.labels >= 0)
        cells = member, self.labels[member]
        scores = scores.copy()
        scores[cells] = self.scores_without_own(scores[cells], self.labels[member])
        return scores

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
        The only member of a class keeps its score.

        An image that has moved since the sum was made has less of an advantage than is taken
        off, so its own class is judged too low. That is meant: such images are not sure of their
        class, and with the exact share fewer of them find a better one (docs/experiments.md).
        """
        length = self.lengths[classes]
        share = np.divide(1.0, length, out=np.ones_like(length), where=length > 0)
        left = np.clip(without_own_share(scores.astype(np.float64), share), -1, 1)
        return np.where(self.counts[classes] > 1, left, scores).astype(np.float32)


def without_own_share(
    correlation: npt.NDArray[np.float64], share: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the correlation of members with the sum of the *other* members of their class.

    With the sum S of all, of which x is one, ``<x, S - x> / (|x| |S - x|)`` follows from the
    correlation c of x with S and its share ``g = |x| / |S|``: ``(c - g) / sqrt(1 - 2 c g + g^2)``.
    The only member of a class has nothing to be compared with: 0.
    """
    others = np.sqrt(np.maximum(1.0 - 2.0 * correlation * share + share**2, 0.0))
    found: npt.NDArray[np.float64] = np.divide(
        correlation - share, others, out=np.zeros_like(correlation), where=others > 1e-6
    )
    return found
