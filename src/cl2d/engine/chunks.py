"""The images of a run cut into chunks, each searched in one go, and the assignment of a chunk."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.comparison import MOST_CELLS, TILE, Comparison
from cl2d.engine.confidence import class_probabilities
from cl2d.engine.correntropy import Candidates, best_few, reordered
from cl2d.engine.protocol import Assignment
from cl2d.results import Poses, single_precision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from cl2d.engine.coded_poses import CodedPoses
    from cl2d.engine.correntropy import RealAverages, WorkingImages
    from cl2d.engine.own_share import OwnShare
    from cl2d.engine.protocol import LastPoses
    from cl2d.engine.rules import AssignmentRule

    Scores = npt.NDArray[np.float32]
    _Refined = tuple[
        npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.uint8], Scores
    ]

CALL_PAIRS = 3_000_000
"""Image-reference-shift triples a thread searches in one engine call: about half a second, so that
an interrupt is answered at once, and long against the shifted references made anew in each."""

FAST_CALL_PAIRS = 4 * CALL_PAIRS
"""The same of the fast search, which needs more images for as many references."""

SMALLEST_CALL_TILES = 8


@dataclass(frozen=True)
class Chunk:
    """Images that are searched in one go: tiles of a block, rows of the run.

    ``last`` are the poses of its images where the search is to be fast.
    """

    block: _native.ImageBlock
    tiles: _native.TileRange
    rows: slice
    last: LastPoses | None = None


def chunks_of(
    blocks: Sequence[_native.ImageBlock],
    of_one_image: tuple[int, float],
    last: LastPoses | None,
    least_chunks: int,
) -> Iterator[Chunk]:
    """Cut blocks into chunks that are searched fast enough for an interrupt to be noticed.

    Parameters
    ----------
    blocks : sequence of ImageBlock
    of_one_image : (int, float)
        Classes, and the shifted references that an image is compared with on average.
    last : LastPoses, optional
        Of all images, if the search is to be fast.
    least_chunks : int
        Chunks of a block that there are at least, and a multiple of which there are, if each can
        be of some tiles.
    """
    n_classes, n_comparisons = of_one_image
    pairs = CALL_PAIRS if last is None else FAST_CALL_PAIRS
    most = max(SMALLEST_CALL_TILES, int(pairs / (TILE * n_comparisons)))
    most = max(1, min(most, MOST_CELLS // (TILE * n_classes)))
    start = 0
    for block in blocks:
        n_chunks = -(-block.n_tiles // most)
        if block.n_tiles >= least_chunks * SMALLEST_CALL_TILES:
            n_chunks = least_chunks * -(-n_chunks // least_chunks)
        ends = np.linspace(0, block.n_tiles, n_chunks + 1).astype(int).tolist()
        for first, end in itertools.pairwise(ends):
            n_images = min(end * TILE, block.n_images) - first * TILE
            rows = slice(start + first * TILE, start + first * TILE + n_images)
            near = None if last is None else last.part(rows)
            yield Chunk(block, _native.TileRange(first, end - first), rows, near)
        start += block.n_images


@dataclass(frozen=True)
class ChunkAssigner:
    """Gives the images of a chunk their classes.

    Attributes
    ----------
    references : (n_classes, n_rings, n_angles / 2) complex64
    shifts : (n_shifts, 2) float64, the searched shifts in working pixels
    step_px : float, half the distance of these shifts, about
    max_shift_px : float, working pixels
    pixels_per_working_px : float
    mirrors : bool
    n_threads : int
    n_independent : int, see :class:`cl2d.engine.LocalEngine`
    working_images : WorkingImages, where classes may be chosen by correntropy
    """

    references: npt.NDArray[np.complex64]
    shifts: npt.NDArray[np.float64]
    step_px: float
    max_shift_px: float
    pixels_per_working_px: float
    mirrors: bool
    n_threads: int
    n_independent: int
    working_images: WorkingImages | None

    def assigned(
        self,
        chunk: Chunk,
        rule: AssignmentRule,
        averages: RealAverages | None,
        own: OwnShare | None,
    ) -> tuple[Assignment, Scores]:
        """Return the assignment of the images of a chunk, and their scores by class."""
        share = None if own is None else own.part(chunk.rows)
        scores, coded, compared = self._compared(chunk, rule, share)
        if averages is not None:
            scores = self._by_correntropy(chunk, scores, coded, averages)
        choice = rule.choose(scores, compared)
        psi, shift, mirror, fit = self._refined(chunk, choice.labels, coded)
        if share is not None:
            stayed = choice.labels == share.labels
            fit[stayed] = share.scores_without_own(fit[stayed], choice.labels[stayed])
        psi = (psi + np.pi) % (2 * np.pi) - np.pi
        found = Poses(psi, shift * self.pixels_per_working_px, mirror.astype(bool))
        poses = single_precision(found)
        likelihoods = rule.log_likelihoods(scores, self.n_independent)
        confidence = class_probabilities(likelihoods, choice.labels, compared)
        return Assignment(choice.labels, poses, fit, choice.margin, confidence), scores

    def _compared(
        self, chunk: Chunk, rule: AssignmentRule, share: OwnShare | None
    ) -> tuple[Scores, CodedPoses, npt.NDArray[np.bool_] | None]:
        """Return scores by class without own share, poses, and which classes they are of.

        The last is None where they are of all.
        """

        def left_out(scores: Scores) -> Scores:
            return scores if share is None else share.left_out(scores)

        options = _native.SearchOptions(self.mirrors, self.n_threads)
        comparison = Comparison(chunk.block, chunk.tiles, self.references, self.shifts, options)
        if chunk.last is None:
            scores, coded = comparison.exhaustive()
            return left_out(scores[: chunk.rows.stop - chunk.rows.start]), coded, None
        scores, coded, compared = comparison.fast(
            chunk.last,
            self.pixels_per_working_px,
            lambda at_centres: rule.values(left_out(at_centres)),
        )
        return left_out(scores), coded, compared

    def _by_correntropy(
        self, chunk: Chunk, scores: Scores, coded: CodedPoses, averages: RealAverages
    ) -> Scores:
        """Return the scores with the best few classes of each image in order of correntropy."""
        few = best_few(scores, averages.known)
        if self.working_images is None or few.shape[1] < 2:
            return scores
        found = [self._refined(chunk, classes, coded) for classes in few.T]
        psi, shift, mirror, _ = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
        candidates = Candidates(few, psi, shift, mirror)
        return reordered(
            scores, few, self.working_images.correntropy(chunk.rows, candidates, averages)
        )

    def _refined(self, chunk: Chunk, labels: npt.NDArray[np.int32], coded: CodedPoses) -> _Refined:
        """Return angle, shift in working pixels, mirror and score of images in given classes."""
        psi, shift, mirror = coded.of(labels)
        psi, shift, scores = _native.refine(
            chunk.block,
            chunk.tiles,
            self.references,
            self.refinement(coded.n_angles),
            np.ascontiguousarray(labels),
            psi,
            np.ascontiguousarray(shift),
            mirror,
        )
        return psi, shift, mirror, scores

    def refinement(self, n_angles: int) -> _native.RefineOptions:
        """Return how poses are refined from the points of the grid."""
        return _native.RefineOptions(
            step_rad=2 * np.pi / n_angles,
            step_px=self.step_px,
            n_rounds=4,
            max_shift_px=self.max_shift_px,
            n_threads=self.n_threads,
        )
