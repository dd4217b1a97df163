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

    from cl2d.results import Poses


@dataclass(frozen=True)
class OwnShare:
    """Sums of classes, as far as they concern the scores of their own members.

    Attributes
    ----------
    labels : (n_images,) int32
        Class in whose sum each image is; -1 for none, or where the reference is not that sum.
    poses : Poses
        Where each image lies in that sum; shifts in pixels of the input box.
    lengths : (n_classes,) float64
        Length of each sum; that of an image is 1.
    counts : (n_classes,) int64, members of each class
    """

    labels: npt.NDArray[np.int32]
    poses: Poses
    lengths: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]

    def scores_without_own(
        self,
        scores: npt.NDArray[np.float32],
        classes: npt.NDArray[np.int32],
        overlap: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float32]:
        """Return scores of images against their own classes without themselves.

        Parameters
        ----------
        scores : (n,) float32
            Correlation of each image with the sum of its class.
        classes : (n,) int32
        overlap : (n,) float64
            Correlation of each image, at the pose it has now, with itself where it lies in the
            sum: 1 if it has not moved, 0 if it is elsewhere and so has no advantage.

        Notes
        -----
        With the sum S of length L, the image a of length 1 and s = <a, S> / L, what is left
        of the correlation without it is (s L - overlap) / |S - a|, and
        |S - a|^2 = L^2 - 2 s L + 1. The only member of a class keeps its score. The pose is the
        best one with the image in the sum; without it another may be a little better, so the own
        class is judged too low by about a seventh of what is taken off.
        """
        length = self.lengths[classes]
        product = scores.astype(np.float64) * length
        rest = np.sqrt(np.maximum(length**2 - 2 * product + 1, 0))
        judged = (self.counts[classes] > 1) & (rest > 0)
        left = np.divide(product - overlap, rest, out=np.zeros_like(rest), where=judged)
        return np.where(judged, np.clip(left, -1, 1), scores).astype(np.float32)


def overlap_with_self(
    turned_rad: npt.NDArray[np.float64],
    moved_px: npt.NDArray[np.float64],
    box_px: int,
    k_max: int,
) -> npt.NDArray[np.float64]:
    """Return how an image of noise correlates with itself, turned and moved.

    Parameters
    ----------
    turned_rad : (n,) float64, any angle
    moved_px : (n, 2) float64, in the pixels of ``box_px``
    box_px : int
    k_max : int
        Last ring of the band, in Fourier pixels of the box.

    Notes
    -----
    A band of all frequencies up to k_max, moved by r, correlates with itself by 2 J1(x) / x with
    x = 2 pi k_max r / box, of which exp(-x^2 / 8) has the same curvature and no further lobes.
    A turn moves the disc of the particle by the angle times half its radius times the square root
    of two, in the root of the mean square.
    """
    angle = np.remainder(turned_rad + np.pi, 2 * np.pi) - np.pi
    by_turn = np.square(angle * box_px / 2) / 2
    squared: npt.NDArray[np.float64] = np.square(moved_px).sum(axis=1) + by_turn
    overlap: npt.NDArray[np.float64] = np.exp(-np.square(2 * np.pi * k_max / box_px) * squared / 8)
    return overlap
