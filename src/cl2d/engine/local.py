"""The engine in this process: blocks of coefficients in memory, threads through OpenMP."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cl2d import _native
from cl2d.engine.at_once import results_in_order
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.engine.block_tree import BlockTree
from cl2d.engine.chunks import Chunk, ChunkAssigner, chunks_of
from cl2d.engine.comparison import fast_comparisons, fast_pays
from cl2d.engine.joined import joined_assignment
from cl2d.engine.projected import Projector, gathered_projections, portions_of
from cl2d.engine.protocol import Assignment, ClassSums, Component, LastPoses, SearchSettings
from cl2d.engine.shift_grid import covering_radius_px, shift_grid
from cl2d.engine.storage import IN_MEMORY, Storage, gathered, gathered_block
from cl2d.engine.within import PieceSearch, gathered_groups, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from cl2d.engine.correntropy import RealAverages, WorkingImages
    from cl2d.engine.own_share import OwnShare
    from cl2d.engine.protocol import Engine, GroupAssignment, GroupVectors, Projections
    from cl2d.engine.rules import AssignmentRule
    from cl2d.results import Poses

    Item = TypeVar("Item")
    Result = TypeVar("Result")


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
    storage : Storage
        That of the blocks; copies of images are kept by the same.
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
        storage: Storage = IN_MEMORY,
    ) -> None:
        self._working_images = working_images
        self._storage = storage
        self._blocks = list(blocks)
        self._usable = usable
        self._scale = pixels_per_working_px
        self._n_threads = n_threads
        self._mirrors = search.mirrors
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
            saves something; not with ``averages``, for which any class may
            matter.
        """
        if averages is not None or last is None or not self.search_is_fast(len(references), last):
            last = None
        return self.assign_as_decided(
            references, rule, on_progress, sample, averages, own=own, last=last
        )

    def search_is_fast(self, n_classes: int, last: LastPoses) -> bool:
        """Tell whether a search that begins at the last poses of all images is made fast."""
        return fast_pays(n_classes, len(self._shifts), last)

    def assign_as_decided(
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
        """Assign as :meth:`assign` does; the search is fast if there are last poses.

        For an engine that holds a part of the images: whether the search is fast is decided for
        all of them together (:meth:`search_is_fast`).
        """
        chunks = self._chunks(len(references), last)
        at_once = max(1, min(self._n_threads, len(chunks)))
        assigner = self._assigner(references, self._n_threads // at_once)
        wanted = np.zeros(self.n_images, dtype=bool)
        if sample is not None:
            wanted[sample] = True

        def assigned(chunk: Chunk) -> tuple[Assignment, npt.NDArray[np.float32]]:
            part, scores = assigner.assigned(chunk, rule, averages, own)
            return part, scores[wanted[chunk.rows]]

        parts: list[Assignment] = []
        sampled: list[npt.NDArray[np.float32]] = []
        done = 0
        for part, scores in results_in_order(assigned, chunks, at_once):
            parts.append(part)
            sampled.append(scores)
            done += len(part.labels)
            if on_progress is not None:
                on_progress(done)
        joined = joined_assignment(parts)
        labels = np.where(self._usable, joined.labels, np.int32(-1)).astype(np.int32)
        found = replace(joined, labels=labels, sampled_scores=np.concatenate(sampled))
        return replace(found, fast=last is not None)

    def assign_within(
        self,
        references: npt.NDArray[np.complex64],
        groups: npt.NDArray[np.int32],
        on_progress: Callable[[int], None] | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> GroupAssignment:
        """Give every image the reference of its group that it fits best, and its pose there."""
        n_each, n_shifts = references.shape[1], len(self._shifts)
        groups = np.where(self._usable, groups, np.int32(-1))
        if last is not None:
            compared = last.part(np.flatnonzero(groups >= 0))
            last = last if fast_pays(n_each, n_shifts, compared) else None

        def assigner_of(group: int) -> ChunkAssigner:
            return self._assigner(references[group], 1)

        search = PieceSearch(self._blocks, assigner_of, own, last)
        found = results_in_order(search.found, pieces_of(groups), self._n_threads)
        return gathered_groups(self.n_images, n_each, found, on_progress)

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        """Return the sums of the members of each class in its frame; label -1 is left out.

        Each block is summed on its own, and the sums of blocks are added in the order of a
        :class:`BlockTree`, in float64, so that an engine of many machines can give the same bits.
        """
        tree = self.block_sums(labels, poses, n_classes)
        sums = tree.total(len(self._blocks)).astype(np.complex128, copy=False)
        return ClassSums(sums, np.bincount(labels[labels >= 0], minlength=n_classes))

    def block_sums(
        self,
        labels: npt.NDArray[np.int32],
        poses: Poses,
        n_classes: int,
        first_block: int = 0,
    ) -> BlockTree:
        """Return the class sums of the blocks, merged as far as they can be.

        ``first_block`` is the number in the whole run of the first block of this engine.
        """
        tree = BlockTree()
        at_once = max(1, min(self._n_threads, len(self._blocks)))

        def summed(number: int) -> npt.NDArray[np.complex128]:
            block = self._blocks[number]
            rows = slice(BLOCK_IMAGES * number, BLOCK_IMAGES * number + block.n_images)
            of_block: npt.NDArray[np.complex128] = _native.accumulate(
                block,
                np.ascontiguousarray(labels[rows], dtype=np.int32),
                *self._native_poses(poses, rows),
                n_classes,
                self._n_threads // at_once,
            )
            return of_block

        found = results_in_order(summed, range(len(self._blocks)), at_once)
        for number, of_block in enumerate(found, first_block):
            tree.add(number, of_block)
        return tree

    def averages(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> RealAverages | None:
        """Return the class averages in real space, None where classes are not chosen by them."""
        if self._working_images is None:
            return None
        return self._working_images.averages(labels, poses.in_pixels_of(self._scale), n_classes)

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
            gathered_block(self._blocks, rows),
            *self._native_poses(poses, slice(None)),
            self._n_threads,
        )
        return aligned

    def projections(
        self,
        groups: npt.NDArray[np.int32],
        poses: Poses,
        vectors: Sequence[GroupVectors],
        on_progress: Callable[[int], None] | None = None,
    ) -> Projections:
        """Return the inner products of images, as ``update`` adds them up, with vectors."""
        projector = Projector(self._blocks, groups, poses.in_pixels_of(self._scale), vectors)
        found = results_in_order(projector.projected, portions_of(groups), self._n_threads)
        most = max((len(of_group.basis) for of_group in vectors), default=0)
        return gathered_projections(self.n_images, most, found, on_progress)

    def subset(self, rows: npt.NDArray[np.intp]) -> LocalEngine:
        """Return an engine of copies of some of the images, in the order of ``rows``."""
        chosen = copy(self)
        chosen._blocks = gathered(self._storage, self._blocks, rows)
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
        views._storage = IN_MEMORY
        return views

    def each(
        self,
        function: Callable[[Engine, Item], Result],
        groups: Sequence[tuple[npt.NDArray[np.intp], Item]],
    ) -> Iterator[Result]:
        """Yield ``function(members, item)`` for each group in order, one group to a thread."""
        alone = copy(self)
        alone._n_threads = 1
        alone._storage = Storage(half=self._blocks[0].half)

        def done(group: tuple[npt.NDArray[np.intp], Item]) -> Result:
            rows, item = group
            return function(alone.subset(rows), item)

        return results_in_order(done, groups, self._n_threads)

    def _chunks(self, n_classes: int, last: LastPoses | None) -> list[Chunk]:
        """Cut the images into chunks for the threads to work on, one each."""
        n_shifts = len(self._shifts)
        n_compared: float = n_classes * n_shifts
        if last is not None:
            n_compared = fast_comparisons(n_classes, n_shifts, last)
        # With many blocks no thread waits long for the others at the end.
        least = 1 if len(self._blocks) >= 4 * self._n_threads else self._n_threads
        return list(chunks_of(self._blocks, (n_classes, n_compared), last, least))

    def _assigner(self, references: npt.NDArray[np.complex64], n_threads: int) -> ChunkAssigner:
        return ChunkAssigner(
            references=references,
            shifts=self._shifts,
            step_px=self._covering,
            max_shift_px=self._max_shift,
            pixels_per_working_px=self._scale,
            mirrors=self._mirrors,
            n_threads=n_threads,
            n_independent=self.n_independent,
            working_images=self._working_images,
        )

    def _native_poses(
        self, poses: Poses, rows: slice
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        return (
            np.ascontiguousarray(poses.psi_rad[rows]),
            np.ascontiguousarray(poses.shift_px[rows] / self._scale),
            poses.mirror[rows].astype(np.uint8),
        )
