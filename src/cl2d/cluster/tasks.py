"""What workers do: functions that Dask runs where the images are."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from cl2d.cluster.held import held_images
from cl2d.cluster.messages import PartAnswer
from cl2d.cluster.told import Found
from cl2d.engine import BLOCK_IMAGES, IN_MEMORY
from cl2d.engine.block_tree import BlockTree
from cl2d.engine.packed_images import one_block, packed_images, working_block

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from cl2d.cluster.job import Job
    from cl2d.cluster.messages import PartSearch, Search, WithinSearch
    from cl2d.cluster.parts import Part
    from cl2d.cluster.told import ToldLabels, ToldMembers
    from cl2d.engine import Engine, LocalEngine
    from cl2d.engine.block_tree import Value as Sums
    from cl2d.engine.packed_images import PackedImages
    from cl2d.engine.protocol import GroupAssignment, GroupVectors, Projections

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class ReadFacts:
    """What reading tells of images, as :class:`cl2d.engine.ingest.Ingested` does.

    The flag of each, (n,) uint8, 0 if it is usable, and its statistics, (n, m) float32.
    """

    flags: npt.NDArray[np.uint8]
    statistics: npt.NDArray[np.float32]


def see_particles(job: Job) -> None:
    """Open the particles of a run.

    Raises
    ------
    InputError
        If they are others than those of the run, or cannot be opened.
    """
    held = held_images(job)
    with held.in_turn():
        held.source()


def read_part(part: Part, job: Job) -> ReadFacts:
    """Read the images of a part and hold their coefficients."""
    held = held_images(job)
    with held.in_turn():
        found = held.read(part)
        return ReadFacts(found.flags, found.statistics)


def assign_part(part: Part, given: PartSearch, job: Job, search: Search) -> PartAnswer:
    """Give the images of a part their classes, and remember them."""
    held = held_images(job)
    with held.in_turn():
        known = held.recall(part, given.known)
        engine = held.engine(part)
        started = time.perf_counter()
        found = engine.assign_as_decided(
            search.references,
            search.rule,
            sample=given.sample,
            averages=search.averages,
            own=search.own_share(given.own(known)),
            last=given.last_poses(known) if search.fast else None,
        )
        found.labels[given.unusable] = -1
        held.remember(part, search.number, Found(found.labels, found.poses))
        return PartAnswer.of(found, given, known, time.perf_counter() - started)


def sum_part(part: Part, given: ToldMembers, n_classes: int, job: Job) -> BlockTree:
    """Return the class sums of the blocks of a part, merged as far as they can be."""
    held = held_images(job)
    with held.in_turn():
        labels, poses = given.members(held.recall(part, given.known))
        return held.engine(part).block_sums(labels, poses, n_classes, part.first_block)


def merged_sums(*trees: BlockTree) -> BlockTree:
    """Return the sums of several parts as one tree."""
    whole = BlockTree()
    for tree in trees:
        whole.merge(tree)
    return whole


def whole_sum(*trees: BlockTree) -> Sums:
    """Return the sum of all blocks of a run."""
    whole = merged_sums(*trees)
    return whole.total(whole.n_blocks)


def take_images(wanted: list[tuple[Part, npt.NDArray[np.intp]]], job: Job) -> list[PackedImages]:
    """Return copies of some images of parts, as coefficients and as they are held beside."""
    held = held_images(job)
    copies: list[PackedImages] = []
    with held.in_turn():
        for part, rows in wanted:
            working = held.working_images(part) if job.keeps_images else None
            copies += packed_images(job.grid, held.blocks(part), rows, working)
    return copies


def with_members(
    function: Callable[[Engine, Any], Value],
    groups: list[tuple[Any, npt.NDArray[np.bool_], npt.NDArray[np.intp]]],
    job: Job,
    *copies: list[PackedImages],
) -> list[Value]:
    """Return ``function(members, item)`` of each group, whose images came from some workers.

    Of each group is given its item, which images are usable, and where they are in the copies.
    """
    return [
        function(members_engine(job, usable, order, copies), item) for item, usable, order in groups
    ]


def collected(
    order: npt.NDArray[np.intp], *copies: list[PackedImages]
) -> tuple[npt.NDArray[np.intp], tuple[list[PackedImages], ...]]:
    """Return images that came from some workers, and in which order they are wanted."""
    return order, copies


def members_engine(
    job: Job,
    usable: npt.NDArray[np.bool_],
    order: npt.NDArray[np.intp],
    copies: tuple[list[PackedImages], ...],
) -> LocalEngine:
    """Return an engine of images that came from some workers, in a given order of all of them."""
    packed = [images for some in copies for images in some]
    of_blocks = [
        order[start : start + BLOCK_IMAGES] for start in range(0, len(order), BLOCK_IMAGES)
    ]
    blocks = [one_block(job.grid, packed, some) for some in of_blocks]
    images = [working_block(packed, some) for some in of_blocks]
    kept = [of_block for of_block in images if of_block is not None]
    return job.engine(blocks, usable, 1, replace(IN_MEMORY, half=blocks[0].half), kept or None)


def assign_part_within(
    part: Part, groups: ToldLabels, given: PartSearch, job: Job, search: WithinSearch
) -> GroupAssignment:
    """Compare the images of a part with the references of their groups."""
    held = held_images(job)
    with held.in_turn():
        known = held.recall(part, given.known)
        return held.engine(part).assign_within(
            search.references,
            groups.labels(None if known is None else known.labels),
            own=search.own_share(given.own(known)),
            last=given.last_poses(known),
        )


def project_part(
    part: Part, given: ToldMembers, job: Job, vectors: list[GroupVectors]
) -> Projections:
    """Project the images of a part on the vectors of their groups."""
    held = held_images(job)
    with held.in_turn():
        groups, poses = given.members(held.recall(part, given.known))
        return held.engine(part).projections(groups, poses, vectors)


def keep_only(job: Job, parts: list[Part]) -> None:
    """Let go of all images of a run but those of some parts."""
    held_images(job).keep_only(parts)
