"""The engine in this process: blocks of coefficients in memory, threads through OpenMP."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.engine.comparison import MOST_CELLS, TILE, Comparison, fast_comparisons, fast_pays
from cl2d.engine.confidence import class_probabilities
from cl2d.engine.correntropy import Candidates, best_few, reordered
from cl2d.engine.joined import joined_assignment
from cl2d.engine.protocol import Assignment, ClassSums, Component, LastPoses, SearchSettings
from cl2d.engine.shift_grid import covering_radius_px, shift_grid
from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine.correntropy import RealAverages, WorkingImages
    from cl2d.engine.own_share import OwnShare
    from cl2d.engine.rules import AssignmentRule

    _Refined = tuple[
        npt.NDArray[np.float64],
        npt.NDArray[np.float64],
        npt.NDArray[np.uint8],
        npt.NDArray[np.float32],
    ]

CALL_PAIRS = 3_000_000
"""Image-reference-shift triples a thread searches in one engine call: about half a second, so that
an interrupt is answered at once, and long against the shifted references made anew in each."""

FAST_CALL_PAIRS = 4 * CALL_PAIRS
"""The same of the fast search, which needs more images for as many references."""

SMALLEST_CALL_TILES = 8


@dataclass(frozen=True)
class _Chunk:
    """Images that are searched in one go: tiles of a block, rows of the run.

    ``last`` are the poses of its images where the search is to be fast.
    """

    block: _native.ImageBlock
    tiles: _native.TileRange
    rows: slice
    references: npt.NDArray[np.complex64]
    last: LastPoses | None = None


class LocalEngine:
    """Images of a run as blocks of polar coefficients.

    Parameters
    ----------
    blocks : sequence of ImageBlock
        All but the last hold ``BLOCK_IMAGES`` images.
    usable : (n_images,) bool
        Images that take part; the others hold zeros and get label -1.
    search : SearchSettings
    pixels_per_working_px : float
        Pixels of the input box in one working pixel; poses are in pixels of the input box.
    n_threads : int
        Changes nothing but the time taken.
    working_images : WorkingImages, optional
        The images themselves, where classes are to be chosen by correntropy.
    """

    def __init__(
        self,
        blocks: Sequence[_native.ImageBlock],
        usable: npt.NDArray[np.bool_],
        search: SearchSettings,
        pixels_per_working_px: float,
        n_threads: int,
        *,
        working_images: WorkingImages | None = None,
    ) -> None:
        self._working_images = working_images
        self._blocks = list(blocks)
        self._usable = usable
        self._scale = pixels_per_working_px
        self._n_threads = n_threads
        self._mirrors = search.mirrors
        self._may_be_fast = search.fast
        self._max_shift = search.max_shift_px / pixels_per_working_px
        self._covering = covering_radius_px(self.grid.box_px, self.grid.k_max)
        self._shifts = shift_grid(self._max_shift, self._covering)

    @property
    def n_images(self) -> int:
        """Number of images, usable or not."""
        return len(self._usable)

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Which images take part, shape (n_images,)."""
        return self._usable

    @property
    def n_independent(self) -> int:
        """Number of independent real numbers in the noise of an image.

        Half the Fourier pixels between the innermost and the outermost ring, two numbers each,
        times the share of the box that is inside the mask. The radius of the mask, in boxes, is
        that of the grid: the highest angular order, less the margin of one, over 2 pi k.
        """
        grid = self.grid
        radius = (grid.max_order(grid.n_rings - 1) - 1) / (2 * np.pi * grid.k_max)
        pixels = 2 * np.pi * sum(range(grid.k_min, grid.k_max + 1))
        return max(1, round(pixels * np.pi * radius**2))

    @property
    def grid(self) -> _native.PolarGrid:
        """The polar grid all images share."""
        return self._blocks[0].grid

    @property
    def shifts(self) -> npt.NDArray[np.float64]:
        """The searched shifts (n, 2), working pixels."""
        return self._shifts

    def assign(
        self,
        references: npt.NDArray[np.complex64],
        rule: AssignmentRule,
        on_progress: Callable[[int], None] | None = None,
        sample: npt.NDArray[np.intp] | None = None,
        averages: RealAverages | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> Assignment:
        """Give every image the class the rule chooses, at its best pose in that class.

        Parameters
        ----------
        references : (n_classes, n_rings, n_angles / 2) complex64
            As :func:`normalised_references` makes them.
        rule : AssignmentRule
        on_progress : callable, optional
            Called with the number of images done.
        sample : (n_sample,) intp, ascending, optional
            Images whose scores against all classes are returned too.
        averages : RealAverages, optional
            The same classes in real space: the best few of each image are put in the order of
            their correntropy before the rule chooses.
        own : OwnShare, optional
            The sums the references are of: scores against the own class are then those against
            the average of its other members.
        last : LastPoses, optional
            These tell where in its image each particle lies. The search is then fast where that
            was asked for and saves something; not with ``averages``, for which any class may
            matter.
        """
        if averages is not None or not self._is_fast(len(references)):
            last = None
        parts: list[Assignment] = []
        sampled: list[npt.NDArray[np.float32]] = []
        wanted = np.zeros(self.n_images, dtype=bool)
        if sample is not None:
            wanted[sample] = True
        done = 0
        for block in self._blocks:
            for tiles, n_images in self._calls(block, len(references), fast=last is not None):
                rows = slice(done, done + n_images)
                near = None if last is None else last.part(rows)
                chunk = _Chunk(block, tiles, rows, references, near)
                part, scores = self._assign_chunk(chunk, rule, averages, own)
                parts.append(part)
                sampled.append(scores[wanted[rows]])
                done += n_images
                if on_progress is not None:
                    on_progress(done)
        joined = joined_assignment(parts)
        labels = np.where(self._usable, joined.labels, np.int32(-1)).astype(np.int32)
        found = replace(joined, labels=labels, sampled_scores=np.concatenate(sampled))
        return replace(found, fast=last is not None)

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        """Return the sums of the members of each class in its frame; label -1 is left out.

        Each block is summed on its own and the blocks are added in order, in float64, so that a
        distributed engine can give the same bits.
        """
        grid = self.grid
        sums = np.zeros((n_classes, grid.n_rings, grid.n_half_angles), dtype=np.complex128)
        for start, block in zip(self._starts(), self._blocks, strict=True):
            rows = slice(start, start + block.n_images)
            sums += _native.accumulate(
                block,
                np.ascontiguousarray(labels[rows], dtype=np.int32),
                *self._native_poses(poses, rows),
                n_classes,
                self._n_threads,
            )
        return ClassSums(sums, np.bincount(labels[labels >= 0], minlength=n_classes))

    def averages(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> RealAverages | None:
        """Return the class averages in real space, None where classes are not chosen by them."""
        if self._working_images is None:
            return None
        shift = poses.shift_px / self._scale
        working = Poses(poses.psi_rad, shift, poses.mirror)
        return self._working_images.averages(labels, working, n_classes)

    def component(self, rows: npt.NDArray[np.intp], poses: Poses) -> Component:
        """Return the leading component of the images ``rows`` at the poses given for them."""
        flat = self.aligned_members(rows, poses).reshape(len(rows), -1).view(np.float32)
        scores, variance, total = _native.leading_component(flat)
        return Component(scores, variance, total)

    def aligned_members(
        self, rows: npt.NDArray[np.intp], poses: Poses
    ) -> npt.NDArray[np.complex64]:
        """Return the images ``rows`` in the frames of their classes, at the poses given for them.

        Shape (n, n_rings, n_angles / 2): what ``update`` adds up, weighted and whitened.
        """
        aligned: npt.NDArray[np.complex64] = _native.align_members(
            self._gather(rows), *self._native_poses(poses, slice(None)), self._n_threads
        )
        return aligned

    def subset(self, rows: npt.NDArray[np.intp]) -> LocalEngine:
        """Return an engine of copies of some of the images, in the order of ``rows``."""
        chosen = copy(self)
        starts = range(0, len(rows), BLOCK_IMAGES)
        chosen._blocks = [self._gather(rows[start : start + BLOCK_IMAGES]) for start in starts]
        chosen._usable = self._usable[rows]
        if self._working_images is not None:
            chosen._working_images = self._working_images.take(rows)
        return chosen

    def of_references(self, references: npt.NDArray[np.complex64]) -> LocalEngine:
        """Return an engine whose images are references, searched as the images of this one are.

        Parameters
        ----------
        references : (n, n_rings, n_angles / 2) complex64
            A reference of zeros is an image that is not usable.
        """
        views = copy(self)
        views._blocks = [
            _native.ImageBlock.from_polar(
                self.grid, references[start : start + BLOCK_IMAGES], self._n_threads
            )
            for start in range(0, len(references), BLOCK_IMAGES)
        ]
        views._usable = np.any(references != 0, axis=(1, 2))
        views._working_images = None
        return views

    def _starts(self) -> list[int]:
        return [BLOCK_IMAGES * i for i in range(len(self._blocks))]

    def _is_fast(self, n_references: int) -> bool:
        return self._may_be_fast and fast_pays(n_references, len(self._shifts))

    def _calls(
        self, block: _native.ImageBlock, n_references: int, *, fast: bool
    ) -> list[tuple[_native.TileRange, int]]:
        """Cut a block into engine calls short enough for an interrupt to be noticed."""
        n_shifts = len(self._shifts)
        if fast:
            tiles = FAST_CALL_PAIRS // (TILE * fast_comparisons(n_references, n_shifts))
            most = max(1, MOST_CELLS // (TILE * n_references))
            step = min(most, self._n_threads * max(SMALLEST_CALL_TILES, tiles))
        else:
            tiles = CALL_PAIRS // (TILE * n_references * n_shifts)
            step = self._n_threads * max(SMALLEST_CALL_TILES, tiles)
        calls = []
        for first in range(0, block.n_tiles, step):
            count = min(step, block.n_tiles - first)
            n_images = min(count * TILE, block.n_images - first * TILE)
            calls.append((_native.TileRange(first, count), n_images))
        return calls

    def _assign_chunk(
        self,
        chunk: _Chunk,
        rule: AssignmentRule,
        averages: RealAverages | None,
        own: OwnShare | None,
    ) -> tuple[Assignment, npt.NDArray[np.float32]]:
        """Return the assignment of the images of a chunk, and their scores by class."""
        share = None if own is None else own.part(chunk.rows)
        scores, codes, compared = self._compared(chunk, rule, share)
        if averages is not None:
            scores = self._by_correntropy(chunk, scores, codes, averages)
        choice = rule.choose(scores, compared)
        psi, shift, mirror, fit = self._refined(chunk, choice.labels, codes)
        if share is not None:
            stayed = choice.labels == share.labels
            fit[stayed] = share.scores_without_own(fit[stayed], choice.labels[stayed])
        psi = (psi + np.pi) % (2 * np.pi) - np.pi
        poses = Poses(psi, shift * self._scale, mirror.astype(bool))
        likelihoods = rule.log_likelihoods(scores, self.n_independent)
        confidence = class_probabilities(likelihoods, choice.labels, compared)
        return Assignment(choice.labels, poses, fit, choice.margin, confidence), scores

    def _compared(
        self, chunk: _Chunk, rule: AssignmentRule, share: OwnShare | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.bool_] | None]:
        """Return scores by class without own share, codes of poses, and which classes they are of.

        The last is None where they are of all.
        """

        def left_out(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            return scores if share is None else share.left_out(scores)

        options = _native.SearchOptions(self._mirrors, self._n_threads)
        comparison = Comparison(chunk.block, chunk.tiles, chunk.references, self._shifts, options)
        if chunk.last is None:
            scores, codes = comparison.exhaustive()
            return left_out(scores[: chunk.rows.stop - chunk.rows.start]), codes, None
        scores, codes, compared = comparison.fast(
            chunk.last.poses.relion_origin_px() / self._scale,
            chunk.last.doubted,
            lambda near: rule.values(left_out(near)),
        )
        return left_out(scores), codes, compared

    def _by_correntropy(
        self,
        chunk: _Chunk,
        scores: npt.NDArray[np.float32],
        codes: npt.NDArray[np.int32],
        averages: RealAverages,
    ) -> npt.NDArray[np.float32]:
        """Return the scores with the best few classes of each image in order of correntropy."""
        few = best_few(scores, averages.known)
        if self._working_images is None or few.shape[1] < 2:
            return scores
        found = [self._refined(chunk, classes, codes) for classes in few.T]
        psi, shift, mirror, _ = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
        candidates = Candidates(few, psi, shift, mirror)
        return reordered(
            scores, few, self._working_images.correntropy(chunk.rows, candidates, averages)
        )

    def _refined(
        self, chunk: _Chunk, labels: npt.NDArray[np.int32], all_codes: npt.NDArray[np.int32]
    ) -> _Refined:
        """Return angle, shift in working pixels, mirror and score of images in given classes."""
        codes = all_codes[np.arange(len(labels)), labels]
        n_angles = self.grid.n_angles
        mirror = (codes // n_angles % 2).astype(np.uint8)
        psi, shift, scores = _native.refine(
            chunk.block,
            chunk.tiles,
            chunk.references,
            self._refinement(),
            np.ascontiguousarray(labels),
            2 * np.pi * (codes % n_angles) / n_angles,
            self._shifts[codes // (2 * n_angles)],
            mirror,
        )
        return psi, shift, mirror, scores

    def _refinement(self) -> _native.RefineOptions:
        return _native.RefineOptions(
            step_rad=2 * np.pi / self.grid.n_angles,
            step_px=self._covering,
            n_rounds=4,
            max_shift_px=self._max_shift,
            n_threads=self._n_threads,
        )

    def _native_poses(
        self, poses: Poses, rows: slice
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        return (
            np.ascontiguousarray(poses.psi_rad[rows]),
            np.ascontiguousarray(poses.shift_px[rows] / self._scale),
            poses.mirror[rows].astype(np.uint8),
        )

    def _gather(self, rows: npt.NDArray[np.intp]) -> _native.ImageBlock:
        return _native.ImageBlock.gathered(
            self._blocks, BLOCK_IMAGES, np.ascontiguousarray(rows, dtype=np.int64)
        )
