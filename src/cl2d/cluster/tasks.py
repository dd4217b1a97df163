"""What workers do: functions that Dask runs where the images are."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from cl2d.cluster.held import held_images
from cl2d.cluster.packed import PackedAssignment, PackedPoses
from cl2d.engine import IN_MEMORY, LastPoses, OwnShare
from cl2d.engine.block_tree import BlockTree
from cl2d.engine.packed_images import one_block, packed_images, working_block

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.engine import AssignmentRule, Engine, LocalEngine, RealAverages
    from cl2d.engine.packed_images import PackedImages
    from cl2d.engine.protocol import GroupAssignment, GroupVectors, Projections

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Done(Generic[Value]):
    """What a task found, who did it, and the seconds it took beside waiting for its turn."""

    value: Value
    worker: str
    seconds: float


def done(value: Value, started: float) -> Done[Value]:
    """Return what the worker that asks has found since ``started``, by the performance counter."""
    from distributed import get_worker  # noqa: PLC0415 - workers alone have it

    return Done(value, str(get_worker().address), time.perf_counter() - started)


@dataclass(frozen=True, eq=False)
class WithinSearch:
    """What all parts are compared with; it travels to every worker once.

    ``lengths`` and ``counts`` are those of an own share, None without one.
    """

    references: npt.NDArray[np.complex64]
    lengths: npt.NDArray[np.float64] | None
    counts: npt.NDArray[np.int64] | None

    def own_share(self, given: PartSearch) -> OwnShare | None:
        """Return what the images of a part add to the references."""
        if given.own_labels is None or self.lengths is None or self.counts is None:
            return None
        return OwnShare(given.own_labels, self.lengths, self.counts)


@dataclass(frozen=True, eq=False)
class Search(WithinSearch):
    """The same where a rule chooses among all classes.

    ``fast`` says that the search is to be fast, which is decided for all parts together.
    ``averages`` are those by which classes are put in the order of correntropy.
    """

    rule: AssignmentRule
    fast: bool
    averages: RealAverages | None


@dataclass(frozen=True, eq=False)
class PartSearch:
    """What a search has to know of the images of one part."""

    own_labels: npt.NDArray[np.int32] | None
    last: PackedPoses | None
    doubted: npt.NDArray[np.uint8] | None
    at_rest: npt.NDArray[np.uint8] | None
    sample: npt.NDArray[np.intp] | None

    @classmethod
    def of(
        cls,
        rows: slice,
        own: OwnShare | None,
        last: LastPoses | None,
        sample: npt.NDArray[np.intp] | None,
    ) -> PartSearch:
        """Pack what concerns the images ``rows`` of a run."""
        near = None if last is None else last.part(rows)
        some = None
        if sample is not None:
            inside = (sample >= rows.start) & (sample < rows.stop)
            some = sample[inside] - rows.start
        return cls(
            None if own is None else np.ascontiguousarray(own.labels[rows]),
            None if near is None else PackedPoses.of(near.poses),
            None if near is None else np.packbits(near.doubted),
            None if near is None else np.packbits(near.at_rest),
            some,
        )

    def last_poses(self) -> LastPoses | None:
        """Return where the search begins."""
        if self.last is None or self.doubted is None or self.at_rest is None:
            return None
        n = len(self.last.psi_rad)
        doubted, at_rest = (
            np.unpackbits(bits, count=n).astype(bool) for bits in (self.doubted, self.at_rest)
        )
        return LastPoses(self.last.unpacked(), doubted, at_rest)


@dataclass(frozen=True, eq=False)
class ReadFacts:
    """What reading tells of images, as :class:`cl2d.engine.ingest.Ingested` does.

    The flag of each, (n,) uint8, 0 if it is usable, and its statistics, (n, m) float32.
    """

    flags: npt.NDArray[np.uint8]
    statistics: npt.NDArray[np.float32]


def read_part(job: Job, part: Part) -> ReadFacts:
    """Read the images of a part and hold their coefficients."""
    held = held_images(job)
    with held.lock:
        found = held.read(part)
        return ReadFacts(found.flags, found.statistics)


def assign_part(job: Job, part: Part, given: PartSearch, search: Search) -> Done[PackedAssignment]:
    """Give the images of a part their classes."""
    held = held_images(job)
    with held.lock:
        engine = held.engine(part)
        started = time.perf_counter()
        found = engine.assign_as_decided(
            search.references,
            search.rule,
            sample=given.sample,
            averages=search.averages,
            own=search.own_share(given),
            last=given.last_poses() if search.fast else None,
        )
        found = found if given.sample is not None else replace(found, sampled_scores=None)
        return done(PackedAssignment.of(found), started)


def sum_part(
    job: Job,
    part: Part,
    n_classes: int,
    labels: npt.NDArray[np.int32],
    poses: PackedPoses,
) -> BlockTree:
    """Return the class sums of the blocks of a part, merged as far as they can be."""
    held = held_images(job)
    with held.lock:
        engine = held.engine(part)
        return engine.block_sums(labels, poses.unpacked(), n_classes, part.first_block)


def merged_sums(*trees: BlockTree) -> BlockTree:
    """Return the sums of several parts as one tree."""
    whole = BlockTree()
    for tree in trees:
        whole.merge(tree)
    return whole


def take_images(job: Job, part: Part, rows: npt.NDArray[np.intp]) -> list[PackedImages]:
    """Return copies of some images of a part, as coefficients and as they are held beside."""
    held = held_images(job)
    with held.lock:
        working = held.working_images(part) if job.keeps_images else None
        return packed_images(job.grid, held.blocks(part), rows, working)


def with_members(
    job: Job,
    function: Callable[[Engine, Any], Value],
    item: Any,
    usable: npt.NDArray[np.bool_],
    order: npt.NDArray[np.intp],
    *parts: list[PackedImages],
) -> Value:
    """Return ``function(members, item)`` for images that came from some parts."""
    members = members_engine(job, usable, order, parts)
    return function(members, item)


def collected(
    order: npt.NDArray[np.intp], *parts: list[PackedImages]
) -> tuple[npt.NDArray[np.intp], tuple[list[PackedImages], ...]]:
    """Return images that came from some parts, and in which order they are wanted."""
    return order, parts


def members_engine(
    job: Job,
    usable: npt.NDArray[np.bool_],
    order: npt.NDArray[np.intp],
    parts: tuple[list[PackedImages], ...],
) -> LocalEngine:
    """Return an engine of images that came from some parts, in a given order of all of them."""
    packed = [images for part in parts for images in part]
    block = one_block(job.grid, packed, order)
    images = working_block(packed, order)
    storage = replace(IN_MEMORY, half=block.half)
    return job.engine([block], usable, 1, storage, None if images is None else [images])


def assign_part_within(
    job: Job,
    part: Part,
    groups: npt.NDArray[np.int32],
    given: PartSearch,
    search: WithinSearch,
) -> GroupAssignment:
    """Compare the images of a part with the references of their groups."""
    held = held_images(job)
    with held.lock:
        engine = held.engine(part)
        own, last = search.own_share(given), given.last_poses()
        return engine.assign_within(search.references, groups, own=own, last=last)


def project_part(
    job: Job,
    part: Part,
    groups: npt.NDArray[np.int32],
    poses: PackedPoses,
    vectors: list[GroupVectors],
) -> Projections:
    """Project the images of a part on the vectors of their groups."""
    held = held_images(job)
    with held.lock:
        engine = held.engine(part)
        return engine.projections(groups, poses.unpacked(), vectors)


def keep_only(job: Job, parts: list[Part]) -> None:
    """Let go of all images of a run but those of some parts."""
    held_images(job).keep_only(parts)
