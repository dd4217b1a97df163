"""Images compared with references: exhaustively, or fast from where the images were last.

The fast search takes two steps. First every class is compared with the image moved to its last
centre, over all rotations and both mirrors: a particle stays where it is in its image, whatever
class it is compared with, so that one shift stands for all. Then the best few classes are compared
at all shifts, as the exhaustive search does it. Low rings would be a coarser grid, but without CTF
correction they hold too little of a particle to tell classes apart (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    import numpy.typing as npt

    Found = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]

KEPT_CLASSES = 4
"""Classes of an image that the fast search compares at all shifts."""

LEAST_SAVING = 3
"""The fast search is made where it compares at most 1 / this of what the exhaustive one does."""

MOST_CELLS = 1 << 20
"""Images times classes in one go, some 40 bytes each."""

TILE = 16


def fast_comparisons(n_classes: int, n_shifts: int) -> int:
    """Return the shifted references that the fast search compares an image with."""
    return n_classes + KEPT_CLASSES * n_shifts


def fast_pays(n_classes: int, n_shifts: int) -> bool:
    """Return whether the fast search is worth its losses."""
    return LEAST_SAVING * fast_comparisons(n_classes, n_shifts) <= n_classes * n_shifts


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

    def exhaustive(self) -> Found:
        """Return the best scores and pose codes (16 n_tiles, n_classes) over all shifts."""
        scores, codes = _native.search(
            self.block, self.tiles, self.references, self.shifts, self.options
        )
        return scores, codes

    def fast(self, to_centre_px: npt.NDArray[np.float64], doubted: npt.NDArray[np.bool_]) -> Found:
        """Return scores and codes that are the exhaustive ones for the best few classes.

        Parameters
        ----------
        to_centre_px : (n_images, 2) float64
            What moves each image to its last centre, working pixels.
        doubted : (n_images,) bool
            Images of which all scores and codes are the exhaustive ones.

        Returns
        -------
        scores, codes
            Of the other classes the score is that at the last centre, or just less than the least
            of the best few if that is higher, and the code is 0: no rule may choose them.
        """
        near = self._at_centres(to_centre_px)
        n_kept = min(KEPT_CLASSES, near.shape[1])
        kept = np.argpartition(-near, n_kept - 1, axis=1)[:, :n_kept].astype(np.int32)
        kept_scores, kept_codes = _native.search_chosen(
            self.block, self.tiles, self.references, self.shifts, self.options, kept
        )
        below = np.nextafter(kept_scores.min(axis=1, keepdims=True), np.float32(-np.inf))
        scores = np.minimum(near, below)
        codes = np.zeros(near.shape, dtype=np.int32)
        np.put_along_axis(scores, kept, kept_scores, axis=1)
        np.put_along_axis(codes, kept, kept_codes, axis=1)
        rows = np.flatnonzero(doubted)
        if len(rows) > 0:
            block = self.block.select(TILE * self.tiles.first + rows)
            tiles = _native.TileRange(0, block.n_tiles)
            found = replace(self, block=block, tiles=tiles).exhaustive()
            scores[rows], codes[rows] = (part[: len(rows)] for part in found)
        return scores, codes

    def _at_centres(self, to_centre_px: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return the best scores (16 n_tiles, n_classes) of the moved images, at no other shift."""
        moved = _native.moved_images(
            self.block,
            self.tiles,
            np.ascontiguousarray(to_centre_px),
            self.options.n_threads,
        )
        whole = _native.TileRange(0, self.tiles.count)
        no_shift = np.zeros((1, 2))
        scores, _ = _native.search(moved, whole, self.references, no_shift, self.options)
        found: npt.NDArray[np.float32] = scores
        return found
