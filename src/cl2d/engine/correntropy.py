"""Correntropy: the best few classes of an image compared again, pixel by pixel.

Poses come from the linear search. Correntropy (W. Liu, P. P. Pokharel and J. C. Principe, IEEE
Trans. Signal Process. 55, 2007) is the mean of ``exp(-(P - J)^2 / (2 width^2))`` over the mask,
with J the image and P the average of a class moved into its frame: it counts the pixels that
agree, and a pixel that is far off is a miss however far off it is.

The average is moved to the image, not the image to the average: every class is then compared with
the same pixels, with their noise as it is. Moved images brought the ends of a carbon edge into the
mask in one pose and out of it in the next, which decided more than the particle did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.engine.block_tree import BlockTree
from cl2d.engine.raw_average import accumulate_raw
from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine.block_tree import Value

    Images = npt.NDArray[np.float32]

FEW_CLASSES = 3
"""Classes of an image that are compared by correntropy: the best by correlation."""

KERNEL_WIDTH = 2.1
"""Width of the kernel in standard deviations of the residual. At this width Welsch's estimator,
which correntropy is, keeps 95 % of the efficiency of least squares on Gaussian noise."""

SAMPLE_IMAGES = 256
"""Images whose residuals set the width of the kernel."""

_MAD_OF_NORMAL = 0.6744897501960817
"""Median absolute deviation of a normal distribution of standard deviation 1."""


_ROUNDING = 1e-5
"""Share of the greys below which a residual is the rounding of interpolation."""


@dataclass(frozen=True)
class RealAverages:
    """Class averages in real space, and the spread of their members around them.

    Attributes
    ----------
    images : (n_classes, w, w) float32
    known : (n_classes,) bool
        Whether there is an average; a class without one is scored by correlation alone.
    residual_sigma : float
        Standard deviation of image minus average, by its median absolute deviation.
    """

    images: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    residual_sigma: float

    def without(self, classes: npt.NDArray[np.bool_]) -> RealAverages:
        """Return the averages with some of them unknown."""
        return replace(self, known=self.known & ~classes)


@dataclass(frozen=True)
class Candidates:
    """Classes (n, n_few) that images are compared with, and the pose of each image in each.

    Poses in working pixels: ``psi_rad`` (n, n_few), ``shift_px`` (n, n_few, 2), ``mirror``
    (n, n_few).
    """

    classes: npt.NDArray[np.int32]
    psi_rad: npt.NDArray[np.float64]
    shift_px: npt.NDArray[np.float64]
    mirror: npt.NDArray[np.uint8]


class WorkingImages:
    """The prepared images of a run, kept for comparison in real space.

    Parameters
    ----------
    blocks : sequence of (n, w, w) float32
        Prepared and whitened, so that the noise of neighbouring pixels is independent. All but the
        last hold ``BLOCK_IMAGES`` images.
    mask_radius_px : float
        Pixels up to this distance from the origin are compared, working pixels.
    n_threads : int
        Changes nothing but the time taken.
    """

    def __init__(self, blocks: Sequence[Images], mask_radius_px: float, n_threads: int) -> None:
        self._blocks = list(blocks)
        self._mask_radius_px = mask_radius_px
        self._n_threads = n_threads
        axis = np.arange(self._box_px) - self._box_px // 2
        self._mask = np.hypot(axis[:, None], axis[None, :]) <= mask_radius_px

    @property
    def _box_px(self) -> int:
        return int(self._blocks[0].shape[1])

    def take(self, rows: npt.NDArray[np.intp]) -> WorkingImages:
        """Return copies of some of the images, in the order of ``rows``."""
        starts = range(0, len(rows), BLOCK_IMAGES)
        blocks = [self.gathered(rows[start : start + BLOCK_IMAGES]) for start in starts]
        return WorkingImages(blocks, self._mask_radius_px, self._n_threads)

    def gathered(self, rows: npt.NDArray[np.intp]) -> Images:
        """Return copies of some of the images as one array, in the order of ``rows``."""
        found = np.empty((len(rows), self._box_px, self._box_px), dtype=np.float32)
        numbers, places = np.divmod(rows, BLOCK_IMAGES)
        for number in np.unique(numbers):
            here = numbers == number
            found[here] = self._blocks[number][places[here]]
        return found

    def averages(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> RealAverages | None:
        """Return the mean of the members of each class, moved by their poses.

        Parameters
        ----------
        labels : (n_images,) int32, -1 for an image in no class
        poses : Poses
            Shifts in working pixels.
        n_classes : int

        Returns
        -------
        RealAverages, or None where no residual tells the spread: classes of one image alone, or
        images without noise.
        """
        sums = self.block_sums(labels, poses, n_classes).total(len(self._blocks))
        return real_averages(sums, labels, poses, self.take)

    def block_sums(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int, first_block: int = 0
    ) -> BlockTree:
        """Return the sums of the moved members by block, merged as far as they can be.

        ``first_block`` is the number in the whole run of the first block of these images.
        """
        tree = BlockTree()
        for number, block in enumerate(self._blocks):
            rows = slice(BLOCK_IMAGES * number, BLOCK_IMAGES * number + len(block))
            sums = np.zeros((n_classes, self._box_px, self._box_px))
            accumulate_raw(sums, block, poses.take(rows), labels[rows], self._n_threads)
            tree.add(first_block + number, sums)
        return tree

    def residual_sigma(
        self, shown: Images, n_members: npt.NDArray[np.int64], poses: Poses
    ) -> float:
        """Return the robust spread of these images around the averages of their classes.

        Parameters
        ----------
        shown : (n_images, w, w) float32
            The average of the class of each image. It has its share of the image's noise, which
            the factor sqrt(n / (n - 1)) gives back.
        n_members : (n_images,) of these classes, 2 at least
        poses : Poses
            Shifts in working pixels.
        """
        moved = np.zeros(shown.shape)
        slots = np.arange(len(shown), dtype=np.int32)
        accumulate_raw(moved, shown, _inverse(poses), slots, self._n_threads)
        residual = (np.concatenate(self._blocks) - moved)[:, self._mask]
        residual *= np.sqrt(n_members / (n_members - 1))[:, None]
        deviation = np.abs(residual - np.median(residual))
        return float(np.median(deviation)) / _MAD_OF_NORMAL

    def correntropy(
        self, rows: slice, candidates: Candidates, averages: RealAverages
    ) -> npt.NDArray[np.float32]:
        """Return the correntropy of images of a block with their candidate classes, (n, n_few)."""
        number = rows.start // BLOCK_IMAGES
        start = BLOCK_IMAGES * number
        scores: npt.NDArray[np.float32] = _native.correntropy(
            self._blocks[number][rows.start - start : rows.stop - start],
            averages.images,
            self._mask.astype(np.float32),
            KERNEL_WIDTH * averages.residual_sigma,
            candidates.classes,
            candidates.psi_rad,
            candidates.shift_px,
            candidates.mirror,
            self._n_threads,
        )
        return scores


def real_averages(
    sums: Value,
    labels: npt.NDArray[np.int32],
    poses: Poses,
    taken: Callable[[npt.NDArray[np.intp]], WorkingImages],
) -> RealAverages | None:
    """Return the averages of classes and the spread of an even sample of their members.

    Parameters
    ----------
    sums : (n_classes, w, w) float64
        Of the moved members.
    labels, poses : as for :meth:`WorkingImages.averages`
    taken : callable
        Returns the images ``rows``.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(sums))
    means = (sums / np.maximum(counts, 1)[:, None, None]).astype(np.float32)
    members = np.flatnonzero((labels >= 0) & (counts[labels] > 1))
    if len(members) == 0:
        return None
    sample = np.unique(np.linspace(0, len(members) - 1, SAMPLE_IMAGES).astype(np.intp))
    rows = members[sample]
    of_rows = labels[rows]
    sigma = taken(rows).residual_sigma(means[of_rows], counts[of_rows], poses.take(rows))
    if sigma <= _ROUNDING * float(np.abs(means).max()):
        return None
    return RealAverages(means, counts > 0, sigma)


def _inverse(poses: Poses) -> Poses:
    """Return the poses that move averages into the frames of the images."""
    # RELION's origin is -R^T F t, the shift of the inverse.
    psi = np.where(poses.mirror, poses.psi_rad, -poses.psi_rad)
    return Poses(psi, poses.relion_origin_px(), poses.mirror)


def best_few(
    scores: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Return the best classes (n, n_few) of each image, best first, among the known ones."""
    n_few = min(FEW_CLASSES, int(known.sum()))
    among = np.where(known, scores, -np.inf)
    order = np.argsort(-among, axis=1, kind="stable")
    return np.ascontiguousarray(order[:, :n_few], dtype=np.int32)


def reordered(
    scores: npt.NDArray[np.float32],
    few: npt.NDArray[np.int32],
    correntropy: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the scores with those of the best few classes changing places.

    The class of highest correntropy gets the highest of the few scores and so on; the others stay
    below, as they were. Scores remain correlations, so a rule can compare them between classes,
    images and iterations.

    Parameters
    ----------
    scores : (n, n_classes)
    few : (n, n_few), best first
    correntropy : (n, n_few)
    """
    order = np.argsort(-correntropy, axis=1, kind="stable")
    changed = scores.copy()
    places = np.take_along_axis(few, order, axis=1)
    np.put_along_axis(changed, places, np.take_along_axis(scores, few, axis=1), axis=1)
    return changed
