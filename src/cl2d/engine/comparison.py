"""Images compared with references: exhaustively, or fast from where the images were last.

The fast search takes two steps. First every class is compared with the image moved to its last
centre, over all rotations and both mirrors: a particle stays where it is in its image, whatever
class it is compared with, so that one shift stands for all. Then the best few classes, by
the value of the rule that will choose, are compared at all shifts, as the exhaustive search does
it. Low rings would be a coarser grid, but without CTF
correction they hold too little of a particle to tell classes apart (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Scores = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.int32]

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

    def exhaustive(self) -> tuple[Scores, Codes]:
        """Return the best scores and pose codes (16 n_tiles, n_classes) over all shifts."""
        scores, codes = _native.search(
            self.block, self.tiles, self.references, self.shifts, self.options
        )
        return scores, codes

    def fast(
        self,
        to_centre_px: npt.NDArray[np.float64],
        doubted: npt.NDArray[np.bool_],
        rank: Callable[[Scores], Scores],
    ) -> tuple[Scores, Codes, npt.NDArray[np.bool_]]:
        """Return scores and codes that are the exhaustive ones for the best few classes.

        Parameters
        ----------
        to_centre_px : (n_images, 2) float64
            What moves each image to its last centre, working pixels.
        doubted : (n_images,) bool
            Images of which all scores and codes are the exhaustive ones.
        rank : callable
            Gets the scores (n_images, n_classes) at the last centres, and returns the values by
            which the best few classes of each image are told.

        Returns
        -------
        scores : (n_images, n_classes) float32
        codes : (n_images, n_classes) int32
        compared : (n_images, n_classes) bool
            Where these are the exhaustive ones. Elsewhere the score is that at the last centre and
            the code is 0: no rule may choose such a class.
        """
        scores = self._at_centres(to_centre_px)[: len(to_centre_px)]
        codes = np.zeros(scores.shape, dtype=np.int32)
        compared = np.zeros(scores.shape, dtype=bool)
        n_kept = min(KEPT_CLASSES, scores.shape[1])
        kept = np.argpartition(-rank(scores), n_kept - 1, axis=1)[:, :n_kept].astype(np.int32)
        for table, found in zip((scores, codes), self._of_classes(kept), strict=True):
            np.put_along_axis(table, kept, found, axis=1)
        np.put_along_axis(compared, kept, True, axis=1)
        rows = np.flatnonzero(doubted)
        if len(rows) > 0:
            block = self.block.select(TILE * self.tiles.first + rows)
            tiles = _native.TileRange(0, block.n_tiles)
            everywhere = replace(self, block=block, tiles=tiles).exhaustive()
            scores[rows], codes[rows] = (part[: len(rows)] for part in everywhere)
            compared[rows] = True
        return scores, codes, compared

    def _of_classes(self, kept: Codes) -> tuple[Scores, Codes]:
        """Return scores and codes over all shifts against the classes ``kept`` of each image."""
        n_images, n_kept = kept.shape
        # The last tile may have lanes without an image.
        chosen = np.tile(np.arange(n_kept, dtype=np.int32), (TILE * self.tiles.count, 1))
        chosen[:n_images] = kept
        scores, codes = _native.search_chosen(
            self.block, self.tiles, self.references, self.shifts, self.options, chosen
        )
        return scores[:n_images], codes[:n_images]

    def _at_centres(self, to_centre_px: npt.NDArray[np.float64]) -> Scores:
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
        found: Scores = scores
        return found
