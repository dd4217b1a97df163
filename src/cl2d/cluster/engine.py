"""The engine on a Dask cluster: each worker holds the coefficients of its blocks for the run."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import numpy as np

from cl2d.cluster.begun import Begun
from cl2d.cluster.copies import taken
from cl2d.cluster.crew import Arguments
from cl2d.cluster.group_work import GroupWork
from cl2d.cluster.held import ForgottenError, forget
from cl2d.cluster.messages import PartSearch, Question, WithinSearch
from cl2d.cluster.real_space import sum_images_of_part, take_working_images
from cl2d.cluster.subset import copy_blocks, crew_near
from cl2d.cluster.tasks import (
    assign_part,
    assign_part_within,
    collected,
    keep_only,
    members_engine,
    merged_sums,
    project_part,
    sum_part,
    take_images,
    whole_sum,
)
from cl2d.cluster.told import NOTHING_FOUND, LastFound
from cl2d.engine import BLOCK_IMAGES, IN_MEMORY, ClassSums
from cl2d.engine.correntropy import real_averages
from cl2d.engine.joined import joined_assignment
from cl2d.engine.packed_images import empty_block
from cl2d.engine.protocol import GroupAssignment, Projections
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

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
        WorkingImages,
    )
    from cl2d.engine.block_tree import Value
    from cl2d.engine.protocol import GroupVectors
    from cl2d.results import Poses

    Item = TypeVar("Item")
    Result = TypeVar("Result")
    Rows = npt.NDArray[np.intp]
    Task = Callable[..., Any]


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
        self._job_sent = crew.broadcast(job, for_long=True)
        self._last = NOTHING_FOUND
        self._numbers = itertools.count()

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
        asked = Question(references, rule, own, last if fast else None, sample, averages)
        self._crew.account.begin_iteration(len(references))
        return self._retold(lambda: self._assigned(asked, on_progress))

    def _assigned(self, asked: Question, on_progress: Callable[[int], None] | None) -> Assignment:
        n_classes, before = len(asked.references), self._last
        search = asked.search(next(self._numbers))
        shared = (self._job_sent, self._crew.broadcast(search))

        def arguments(part: Part, worker: str) -> Arguments:
            telling = before.telling(part, worker)
            return Arguments((part, asked.of_part(part.rows, telling, self._usable)), shared)

        found: dict[Part, Assignment] = {}
        workers: dict[Part, str] = {}
        done = 0
        for part, outcome in self._crew.for_each_part(assign_part, arguments):
            answer = outcome.value
            found[part] = answer.assignment(before.found(part))
            workers[part] = outcome.worker
            self._crew.note(part, outcome.worker, answer.seconds)
            self._crew.account.note_search(
                outcome.worker, part.n_images * n_classes, answer.seconds
            )
            done += part.n_images
            if on_progress is not None:
                on_progress(done)
        self._rebalance()
        parts = [found[part] for part in sorted(found)]
        joined = joined_assignment(parts)
        _keep_as_they_are(joined)
        self._last = LastFound(search.number, joined.labels, joined.poses, n_classes, workers)
        sampled = _joined_samples(parts, n_classes)
        return replace(joined, sampled_scores=sampled, fast=search.fast)

    def _retold(self, ask: Callable[[], Result]) -> Result:
        """Return what workers answer, who are told everything where one of them has forgotten."""
        try:
            return ask()
        except ForgottenError:
            self._last = NOTHING_FOUND
            return ask()

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
        shared = (self._job_sent, self._crew.broadcast(WithinSearch(references, *of_own)))
        labels = np.full(self.n_images, -1, dtype=np.int32)
        poses = identity_poses(self.n_images)
        scores = np.full((self.n_images, references.shape[1]), np.nan, dtype=np.float32)

        def arguments(part: Part, worker: str) -> Arguments:
            telling = self._last.telling(part, worker)
            given = PartSearch.of(part.rows, telling, self._usable, own=own, last=last)
            return Arguments((part, telling.labels(groups[part.rows]), given), shared)

        def ask() -> GroupAssignment:
            done = 0
            for part, outcome in self._crew.for_each_part(assign_part_within, arguments):
                found = outcome.value
                labels[part.rows], scores[part.rows] = found.labels, found.scores
                poses.put(np.arange(part.start, part.stop), found.poses)
                done += int(np.count_nonzero(groups[part.rows] >= 0))
                if on_progress is not None:
                    on_progress(done)
            return GroupAssignment(labels, poses, scores)

        return self._retold(ask)

    def projections(
        self,
        groups: npt.NDArray[np.int32],
        poses: Poses,
        vectors: Sequence[GroupVectors],
        on_progress: Callable[[int], None] | None = None,
    ) -> Projections:
        """Return the inner products of images with the vectors of their groups."""
        shared = (self._job_sent, self._crew.broadcast(list(vectors)))

        def arguments(part: Part, worker: str) -> Arguments:
            telling = self._last.telling(part, worker)
            given = telling.members(groups[part.rows], poses.take(part.rows))
            return Arguments((part, given), shared)

        most = max((len(of_group.basis) for of_group in vectors), default=0)
        products = np.full((self.n_images, most), np.nan)
        with_sum, own = np.full(self.n_images, np.nan), np.full(self.n_images, np.nan)

        def ask() -> Projections:
            done = 0
            for part, outcome in self._crew.for_each_part(project_part, arguments):
                found = outcome.value
                products[part.rows, : found.products.shape[1]] = found.products
                with_sum[part.rows], own[part.rows] = found.with_sum, found.squared_length
                done += int(np.count_nonzero(groups[part.rows] >= 0))
                if on_progress is not None:
                    on_progress(done)
            return Projections(products, with_sum, own)

        return self._retold(ask)

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        """Return the sums of the members of each class; see :meth:`LocalEngine.update`.

        Workers merge what they have; this process gets the sums of all images alone.
        """
        sums = self._total(sum_part, labels, poses, n_classes).astype(np.complex128, copy=False)
        return ClassSums(sums, np.bincount(labels[labels >= 0], minlength=n_classes))

    def _total(
        self, task: Task, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> Value:
        """Return what workers add up of the members of each class."""
        labels = np.ascontiguousarray(labels, dtype=np.int32)
        shared = (self._job_sent,)

        def arguments(part: Part, worker: str) -> Arguments:
            telling = self._last.telling(part, worker)
            given = telling.members(labels[part.rows], poses.take(part.rows))
            return Arguments((part, given, n_classes), shared)

        total: Value = self._retold(
            lambda: self._crew.merged(task, merged_sums, whole_sum, arguments)
        )
        return total

    def averages(
        self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int
    ) -> RealAverages | None:
        """Return the class averages in real space, None where classes are not chosen by them."""
        if not self._job.keeps_images:
            return None
        sums = self._total(sum_images_of_part, labels, poses, n_classes)
        working = poses.in_pixels_of(self._job.pixels_per_working_px)
        return real_averages(sums, labels, working, self._working_images)

    def _working_images(self, rows: Rows) -> WorkingImages:
        order, images = self._fetched(rows, take_working_images)
        return self._job.working_images([np.concatenate(images)[order]], self._n_threads)

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
        work = GroupWork(self._crew, self._job_sent, self._usable, function)
        yield from work.results(groups)

    def _rebalance(self) -> None:
        """Move parts to faster workers where that pays; those that had them let go of them."""
        for worker, kept in self._crew.rebalance().items():
            # Who is gone by now has let go of all.
            client = self._crew.client
            client.run(keep_only, self._job, kept, workers=[worker], on_error="ignore")

    def subset(self, rows: Rows) -> Engine:
        """Return an engine of copies of some of the images, which stay on the workers.

        They are let go of some time after the engine is, at the latest with the run. One block of
        images or less, which no two workers could share, comes to this process.
        """
        self._let_go_of_unused()
        if len(rows) <= BLOCK_IMAGES:
            return self._collected(rows)
        job = self._job.subset(rows)
        some = ClusterEngine(crew_near(self._crew, rows), job, self._usable[rows], self._n_threads)
        copy_blocks(some._crew, some._job_sent, rows, partial(taken, self._crew, self._job_sent))
        # Whoever drops the engine may be any thread, at any time: it only leaves a note.
        finalize(some, self._unused.put, job.name).atexit = False
        return some

    def _let_go_of_unused(self) -> None:
        while not self._unused.empty():
            self._crew.client.run(forget, self._unused.get(), on_error="ignore")

    def _collected(self, rows: Rows) -> LocalEngine:
        """Return an engine, in this process, of copies of some of the images."""
        order, packed = self._fetched(rows, take_images)
        return members_engine(self._job, self._usable[rows], order, packed)

    def _fetched(self, rows: Rows, take: Task) -> tuple[Rows, tuple[Any, ...]]:
        """Return what workers take of some images, part by part, and where each is in that."""

        def begin() -> Begun:
            copies = taken(self._crew, self._job_sent, rows, take)
            future = self._crew.call(collected, (copies.order,), copies.images)
            return Begun(future, copies.steps)

        found: tuple[Rows, tuple[Any, ...]] = self._crew.result_of(begin(), begin)
        return found

    def of_references(self, references: npt.NDArray[np.complex64]) -> LocalEngine:
        """Return an engine, in this process, whose images are references."""
        return self._local.of_references(references)


def _joined_samples(parts: Sequence[Assignment], n_classes: int) -> npt.NDArray[np.float32]:
    sampled = [part.sampled_scores for part in parts if part.sampled_scores is not None]
    return np.concatenate([np.zeros((0, n_classes), dtype=np.float32), *sampled])


def _keep_as_they_are(found: Assignment) -> None:
    """Refuse changes of what the workers know, too: it is told them no more."""
    for array in (found.labels, found.poses.psi_rad, found.poses.shift_px, found.poses.mirror):
        array.flags.writeable = False
