"""The engine on a Dask cluster: each worker holds the coefficients of its blocks for the run."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import numpy as np

from cl2d.cluster.crew import Arguments, Begun
from cl2d.cluster.held import forget
from cl2d.cluster.packed import PackedPoses
from cl2d.cluster.real_space import averages_on_workers, take_working_images
from cl2d.cluster.subset import held_subset
from cl2d.cluster.tasks import (
    PartSearch,
    Search,
    WithinSearch,
    assign_part,
    assign_part_within,
    collected,
    keep_only,
    members_engine,
    merged_sums,
    project_part,
    sum_part,
    take_images,
    with_members,
)
from cl2d.engine import BLOCK_IMAGES, IN_MEMORY, ClassSums
from cl2d.engine.joined import joined_assignment
from cl2d.engine.packed_images import empty_block
from cl2d.engine.protocol import GroupAssignment, Projections
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from distributed import Future

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.engine import (
        Assignment,
        AssignmentRule,
        Component,
        Engine,
        LastPoses,
        LocalEngine,
        OwnShare,
        RealAverages,
    )
    from cl2d.engine.protocol import GroupVectors
    from cl2d.results import Poses

    Item = TypeVar("Item")
    Result = TypeVar("Result")
    Rows = npt.NDArray[np.intp]

GROUPS_PER_WORKER = 3
"""Groups of images that are on their way or worked on at a time, for each worker."""


class ClusterEngine:
    """Images of a run, spread over the workers of a Dask cluster.

    Every result has the same bits as that of a :class:`LocalEngine` of the same images, whatever
    the number of workers, whoever of them is lost, and in whatever order they are done.

    Parameters
    ----------
    crew : Crew
        The workers, and who holds which part.
    job : Job
    usable : (n_images,) bool
        Images that take part; the others get label -1.
    n_threads : int
        Threads of this process, for the little that it computes itself.
    """

    def __init__(self, crew: Crew, job: Job, usable: npt.NDArray[np.bool_], n_threads: int) -> None:
        self._crew = crew
        self._job = job
        self._usable = usable
        nothing = empty_block(job.grid, 1, half=job.storage.half)
        self._n_threads = n_threads
        self._unused: SimpleQueue[str] = SimpleQueue()  # names of subsets that nobody has any more
        self._local = job.engine([nothing], np.zeros(1, dtype=bool), n_threads, IN_MEMORY)

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
        """Number of independent real numbers in the noise of an image."""
        return self._local.n_independent

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
        """Give every image the class the rule chooses; see :meth:`LocalEngine.assign`."""
        self._let_go_of_unused()
        last = last if averages is None else None
        fast = last is not None and self._local.search_is_fast(len(references), last)
        search = Search(
            references,
            None if own is None else own.lengths,
            None if own is None else own.counts,
            rule,
            fast,
            averages,
        )
        shared = (self._crew.broadcast(search),)

        def arguments(part: Part) -> Arguments:
            given = PartSearch.of(part.rows, own, last if fast else None, sample)
            return Arguments((self._job, part, given), shared)

        found: dict[Part, Assignment] = {}
        done = 0
        for part, result in self._crew.for_each_part(assign_part, arguments):
            found[part] = result.value.unpacked()
            self._crew.note(part, result.worker, result.seconds)
            done += part.n_images
            if on_progress is not None:
                on_progress(done)
        self._rebalance()
        parts = [found[part] for part in sorted(found)]
        joined = joined_assignment(parts)
        labels = np.where(self._usable, joined.labels, np.int32(-1)).astype(np.int32)
        sampled = _joined_samples(parts, len(references))
        return replace(joined, labels=labels, sampled_scores=sampled, fast=fast)

    def assign_within(
        self,
        references: npt.NDArray[np.complex64],
        groups: npt.NDArray[np.int32],
        on_progress: Callable[[int], None] | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> GroupAssignment:
        """Compare images with the references of their groups; see :class:`LocalEngine`.

        Whether the search is fast is decided for each part: ``last`` must be that of
        :func:`cl2d.engine.near_search`, for which all decide the same.
        """
        groups = np.where(self._usable, groups, np.int32(-1)).astype(np.int32)
        of_own = (None, None) if own is None else (own.lengths, own.counts)
        shared = (self._crew.broadcast(WithinSearch(references, *of_own)),)

        def arguments(part: Part) -> Arguments:
            given = PartSearch.of(part.rows, own, last, None)
            return Arguments((self._job, part, groups[part.rows], given), shared)

        labels = np.full(self.n_images, -1, dtype=np.int32)
        poses = identity_poses(self.n_images)
        scores = np.full((self.n_images, references.shape[1]), np.nan, dtype=np.float32)
        done = 0
        for part, found in self._crew.for_each_part(assign_part_within, arguments):
            labels[part.rows], scores[part.rows] = found.labels, found.scores
            poses.put(np.arange(part.start, part.stop), found.poses)
            done += int(np.count_nonzero(groups[part.rows] >= 0))
            if on_progress is not None:
                on_progress(done)
        return GroupAssignment(labels, poses, scores)

    def projections(
        self,
        groups: npt.NDArray[np.int32],
        poses: Poses,
        vectors: Sequence[GroupVectors],
        on_progress: Callable[[int], None] | None = None,
    ) -> Projections:
        """Return the inner products of images with the vectors of their groups."""
        shared = (self._crew.broadcast(list(vectors)),)

        def arguments(part: Part) -> Arguments:
            packed = PackedPoses.of(poses.take(part.rows))
            return Arguments((self._job, part, groups[part.rows], packed), shared)

        most = max((len(of_group.basis) for of_group in vectors), default=0)
        products = np.full((self.n_images, most), np.nan)
        with_sum, own = np.full(self.n_images, np.nan), np.full(self.n_images, np.nan)
        done = 0
        for part, found in self._crew.for_each_part(project_part, arguments):
            products[part.rows, : found.products.shape[1]] = found.products
            with_sum[part.rows], own[part.rows] = found.with_sum, found.squared_length
            done += int(np.count_nonzero(groups[part.rows] >= 0))
            if on_progress is not None:
                on_progress(done)
        return Projections(products, with_sum, own)

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        """Return the sums of the members of each class; see :meth:`LocalEngine.update`.

        Workers merge what they have; this process gets the sums of all images alone.
        """
        labels = np.ascontiguousarray(labels, dtype=np.int32)

        def arguments(part: Part) -> Arguments:
            packed = PackedPoses.of(poses.take(part.rows))
            return Arguments((self._job, part, n_classes, labels[part.rows], packed))

        tree = self._crew.merged(sum_part, merged_sums, arguments)
        n_blocks = self._crew.parts[-1].end_block
        sums = tree.total(n_blocks).astype(np.complex128, copy=False)
        return ClassSums(sums, np.bincount(labels[labels >= 0], minlength=n_classes))

    def averages(
        self,
        labels: npt.NDArray[np.int32],
        poses: Poses,
        n_classes: int,
    ) -> RealAverages | None:
        """Return the class averages in real space, None where classes are not chosen by them."""
        if not self._job.keeps_images:
            return None

        def fetched(rows: Rows) -> npt.NDArray[np.float32]:
            order, images = self._fetched(rows, take_working_images)
            return np.concatenate(images)[order]

        classes = (np.ascontiguousarray(labels, dtype=np.int32), poses, n_classes)
        return averages_on_workers(self._crew, self._job, classes, fetched)

    def component(self, rows: Rows, poses: Poses) -> Component:
        """Return the leading component of the images ``rows`` at the poses given for them."""
        return self._collected(rows).component(np.arange(len(rows)), poses)

    def aligned_members(self, rows: Rows, poses: Poses) -> npt.NDArray[np.complex64]:
        """Return the images ``rows`` as ``update`` adds them up; their coefficients come here."""
        return self._collected(rows).aligned_members(np.arange(len(rows)), poses)

    def each(
        self,
        function: Callable[[Engine, Item], Result],
        groups: Sequence[tuple[Rows, Item]],
    ) -> Iterator[Result]:
        """Yield ``function(members, item)`` for each group, worked on by any worker.

        The coefficients of the members go from the workers that hold them to the one that works.
        """
        most = GROUPS_PER_WORKER * len(self._crew.workers())
        begun: deque[tuple[Begun, Callable[[], Begun]]] = deque()
        waiting = deque(groups)
        while begun or waiting:
            while waiting and len(begun) < most:
                begin = partial(self._begun, function, *waiting.popleft())
                begun.append((begin(), begin))
            yield self._crew.result_of(*begun.popleft())

    def _rebalance(self) -> None:
        """Move parts to faster workers where that pays; those that had them let go of them."""
        for worker, kept in self._crew.rebalance().items():
            # Who is gone by now has let go of all.
            client = self._crew.client
            client.run(keep_only, self._job, kept, workers=[worker], on_error="ignore")

    def _begun(self, function: Callable[[Engine, Item], Result], rows: Rows, item: Item) -> Begun:
        images, order, workers = self._taken(rows)
        arguments = (self._job, function, item, self._usable[rows], order)
        return Begun(self._crew.call(with_members, arguments, images), workers)

    def _taken(
        self, rows: Rows, take: Callable[..., Any] = take_images
    ) -> tuple[list[Future], Rows, frozenset[str]]:
        """Return copies of images, as tasks about parts, and where each of ``rows`` is in them.

        And the workers that have them.
        """
        self._crew.check_owners()
        images: list[Future] = []
        places: list[Rows] = []
        workers: set[str] = set()
        for part in self._crew.parts:
            here = np.flatnonzero((rows >= part.start) & (rows < part.stop))
            if len(here):
                taken = (self._job, part, rows[here] - part.start)
                images.append(self._crew.submit_for_workers(take, part, taken))
                places.append(here)
                workers.add(self._crew.owners[part])
        order = np.empty(len(rows), dtype=np.intp)
        order[np.concatenate(places)] = np.arange(len(rows))
        return images, order, frozenset(workers)

    def subset(self, rows: Rows) -> Engine:
        """Return an engine of copies of some of the images, which stay on the workers.

        They are let go of some time after the engine is, at the latest with the run. One block of
        images or less, which no two workers could share, comes to this process.
        """
        self._let_go_of_unused()
        if len(rows) <= BLOCK_IMAGES:
            return self._collected(rows)
        crew, job = held_subset(self._crew, self._job, rows, self._taken)
        engine = ClusterEngine(crew, job, self._usable[rows], self._n_threads)
        # Whoever drops the engine may be any thread, at any time: it only leaves a note.
        finalize(engine, self._unused.put, job.name).atexit = False
        return engine

    def _let_go_of_unused(self) -> None:
        while not self._unused.empty():
            self._crew.client.run(forget, self._unused.get(), on_error="ignore")

    def _collected(self, rows: Rows) -> LocalEngine:
        """Return an engine, in this process, of copies of some of the images."""
        order, packed = self._fetched(rows, take_images)
        return members_engine(self._job, self._usable[rows], order, packed)

    def _fetched(self, rows: Rows, take: Callable[..., Any]) -> tuple[Rows, tuple[Any, ...]]:
        """Return what workers take of some images, part by part, and where each is in that."""

        def begin() -> Begun:
            images, order, workers = self._taken(rows, take)
            return Begun(self._crew.call(collected, (order,), images), workers)

        found: tuple[Rows, tuple[Any, ...]] = self._crew.result_of(begin(), begin)
        return found

    def of_references(self, references: npt.NDArray[np.complex64]) -> LocalEngine:
        """Return an engine, in this process, whose images are references."""
        return self._local.of_references(references)


def _joined_samples(parts: Sequence[Assignment], n_classes: int) -> npt.NDArray[np.float32]:
    sampled = [part.sampled_scores for part in parts if part.sampled_scores is not None]
    return np.concatenate([np.zeros((0, n_classes), dtype=np.float32), *sampled])
