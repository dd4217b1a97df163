"""Images compared with references: exhaustively, or fast from where the images were last.

The fast search takes two steps. First every class is compared with the image moved to its last
centre, over all rotations and both mirrors: a particle stays where it is in its image, whatever
class it is compared with, so that one shift stands for all. Then the best few classes, by
the value of the rule that will choose, are compared at more shifts: all of them, as the exhaustive
search does it, or those next to the last centre where the image has come to rest. Low rings would
be a coarser grid, but without CTF correction they hold too little of a particle to tell classes
apart (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.coded_poses import CodedPoses

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine.protocol import LastPoses

    Scores = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

KEPT_CLASSES = 4
"""Classes of an image that the fast search compares at more shifts than that of its last centre."""

NEAR_SHIFTS = 7
"""A point of the lattice of shifts and its neighbours."""

LEAST_SAVING = 3
"""The fast search is made where it compares at most 1 / this of what the exhaustive one does."""

MOST_CELLS = 1 << 20
"""Images times classes in one go, some 40 bytes each."""

TILE = 16


def fast_comparisons(n_classes: int, n_shifts: int, last: LastPoses) -> float:
    """Return the shifted references that the fast search compares an image with, on average."""
    n_kept, n_near = min(KEPT_CLASSES, n_classes), min(NEAR_SHIFTS, n_shifts)
    doubted, near = float(last.doubted.mean()), float(last.near.mean())
    of_kept = near * n_near + (1 - doubted - near) * n_shifts
    return n_classes + n_kept * of_kept + doubted * n_classes * n_shifts


def fast_pays(n_classes: int, n_shifts: int, last: LastPoses) -> bool:
    """Return whether the fast search is worth its losses."""
    return LEAST_SAVING * fast_comparisons(n_classes, n_shifts, last) <= n_classes * n_shifts


@dataclass(frozen=True)
class Comparison:
    """Images of a block, the references they are compared with, and how.

    Attributes
    ----------
    block : ImageBlock
    tiles : TileRange
    references : (n_classes, n_rings, n_angles / 2) complex64
    shifts : (n_shifts, 2) float64, working pixels
    options : SearchOptions
    """

    block: _native.ImageBlock
    tiles: _native.TileRange
    references: npt.NDArray[np.complex64]
    shifts: npt.NDArray[np.float64]
    options: _native.SearchOptions

    def exhaustive(self) -> tuple[Scores, CodedPoses]:
        """Return the best scores (16 n_tiles, n_classes) over all shifts, and their poses."""
        scores, codes = _native.search(
            self.block, self.tiles, self.references, self.shifts, self.options
        )
        return scores, CodedPoses(codes, self.shifts, self.block.grid.n_angles)

    def fast(
        self,
        last: LastPoses,
        pixels_per_working_px: float,
        rank: Callable[[Scores], Scores],
    ) -> tuple[Scores, CodedPoses, Mask]:
        """Return scores and poses that are the exhaustive ones for the best few classes.

        Parameters
        ----------
        last : LastPoses
            Of the images. All scores and poses of those that are doubted are the exhaustive ones;
            those at rest are compared with the best few classes next to their last centres only.
        pixels_per_working_px : float
        rank : callable
            Gets the scores (n_images, n_classes) at the last centres, and returns the values by
            which the best few classes of each image are told.

        Returns
        -------
        scores : (n_images, n_classes) float32
        poses : CodedPoses
        compared : (n_images, n_classes) bool
            Where these were found by more than one shift. Elsewhere the score is that at the last
            centre, and there is no pose: no rule may choose such a class.
        """
        to_centre_px = np.ascontiguousarray(last.poses.relion_origin_px() / pixels_per_working_px)
        moved = self._moved(to_centre_px)
        scores, codes = moved.at_no_shift(len(to_centre_px))
        n_kept = min(KEPT_CLASSES, scores.shape[1])
        kept = np.zeros(scores.shape, dtype=bool)
        best = np.argpartition(-rank(scores), n_kept - 1, axis=1)[:, :n_kept]
        np.put_along_axis(kept, best, True, axis=1)
        near = last.near[:, None]
        everywhere = ~near & (kept | last.doubted[:, None])
        nearby = replace(moved, shifts=self.shifts[:NEAR_SHIFTS])
        for comparison, wanted in ((nearby, near & kept), (self, everywhere)):
            if wanted.any():
                comparison.put_best(wanted, scores, codes)
        moved_px = np.where(near, to_centre_px, 0.0)
        poses = CodedPoses(codes, self.shifts, self.block.grid.n_angles, moved_px)
        return scores, poses, (near & kept) | everywhere

    def at_no_shift(self, n_images: int) -> tuple[Scores, npt.NDArray[np.int32]]:
        """Return scores (n_images, n_classes) without a shift, and codes that mean nothing yet."""
        scores = _native.search(
            self.block, self.tiles, self.references, np.zeros((1, 2)), self.options
        )[0][:n_images]
        return scores, np.zeros(scores.shape, dtype=np.int32)

    def put_best(self, wanted: Mask, scores: Scores, codes: npt.NDArray[np.int32]) -> None:
        """Put best scores and codes over all shifts into the tables, where they are wanted."""
        n_images, n_classes = wanted.shape
        # The last tile may have lanes without an image.
        chosen = np.full((TILE * self.tiles.count, n_classes), -1, dtype=np.int32)
        np.copyto(chosen[:n_images], np.arange(n_classes, dtype=np.int32), where=wanted)
        found = _native.search_chosen(
            self.block, self.tiles, self.references, self.shifts, self.options, chosen
        )
        for table, of_wanted in zip((scores, codes), found, strict=True):
            np.copyto(table, of_wanted[:n_images], where=wanted)

    def _moved(self, to_centre_px: npt.NDArray[np.float64]) -> Comparison:
        """Return the comparison of images that are moved by so much, (n, 2) working pixels."""
        block = _native.moved_images(self.block, self.tiles, to_centre_px, self.options.n_threads)
        return replace(self, block=block, tiles=_native.TileRange(0, self.tiles.count))
