"""Subsets of a run that stay on the workers: copies of the coefficients, a block at a time.

A subset is a job of its own, with blocks and parts of its own. Its images come from the workers
that hold them, mostly from the one that is to hold them again, and are not read again. A worker
that lacks blocks of it, because others were lost, reads them from the files, as it does for the
run itself: coefficients of an image have the same bits, whatever images it is read with.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.begun import Begun
from cl2d.cluster.crew import Crew
from cl2d.cluster.held import held_images
from cl2d.cluster.parts import dealt_near
from cl2d.engine import BLOCK_IMAGES
from cl2d.engine.packed_images import PackedImages, copied_into, working_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from distributed import Future

    from cl2d.cluster.copies import Taken
    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part

    Rows = npt.NDArray[np.intp]

BLOCKS_PER_WORKER = 2
"""Blocks of copies on their way at a time, for each worker: they take memory beside the images."""


@dataclass(frozen=True)
class SubsetBlock:
    """A block of a subset, the part it belongs to, and where its images are in the subset."""

    number: int
    part: Part
    rows: slice


def crew_near(crew: Crew, rows: Rows) -> Crew:
    """Return the workers of a run with the parts of a subset, near to where its images are."""
    own = Crew(crew.client, len(rows), crew.account, crew.roster)
    own.owners = dealt_near(own.parts, _holders(crew, own.parts, rows), crew.speeds())
    return own


def copy_blocks(own: Crew, job_sent: Future, rows: Rows, taken: Callable[[Rows], Taken]) -> None:
    """Have workers hold copies of some images of a run.

    Parameters
    ----------
    own : Crew
        That of the subset.
    job_sent : Future of a Job
        That of the subset.
    rows : (n,) intp, of the run
    taken : callable
        Begins to take copies of images ``rows``.
    """
    waiting = deque(_in_turns(own))
    begun: deque[tuple[Begun, Callable[[], Begun]]] = deque()
    most = BLOCKS_PER_WORKER * len(own.workers())
    while begun or waiting:
        while waiting and len(begun) < most:
            begin = partial(_held_block, own, job_sent, waiting.popleft(), rows, taken)
            begun.append((begin(), begin))
        own.result_of(*begun.popleft())


def _holders(crew: Crew, parts: list[Part], rows: Rows) -> dict[Part, Counter[str]]:
    """Return how many images of each part of a subset each worker holds."""
    starts = [part.start for part in crew.parts]
    found = {}
    for part in parts:
        whole = np.searchsorted(starts, rows[part.rows], side="right") - 1
        held: Counter[str] = Counter()
        for number, n_images in enumerate(np.bincount(whole).tolist()):
            held[crew.owners[crew.parts[number]]] += n_images
        found[part] = held
    return found


def _in_turns(own: Crew) -> Iterator[SubsetBlock]:
    """Yield the blocks of a subset, one of each worker in turn: all have something to do."""
    of_worker: defaultdict[str, deque[SubsetBlock]] = defaultdict(deque)
    for part in own.parts:
        for number in range(part.first_block, part.end_block):
            start = number * BLOCK_IMAGES
            rows = slice(start, min(start + BLOCK_IMAGES, part.stop))
            of_worker[own.owners[part]].append(SubsetBlock(number, part, rows))
    while of_worker:
        for worker in list(of_worker):
            yield of_worker[worker].popleft()
            if not of_worker[worker]:
                del of_worker[worker]


def _held_block(
    own: Crew, job_sent: Future, block: SubsetBlock, rows: Rows, taken: Callable[[Rows], Taken]
) -> Begun:
    """Begin to have a block of a subset held by the worker it is dealt to."""
    copies = taken(rows[block.rows])
    own.check_owners()
    worker = own.owners[block.part]
    arguments = (block.number, copies.order.astype(np.int32))
    future = own.call(hold_block, arguments, (job_sent, *copies.images), worker)
    return Begun(future, copies.steps, worker)


def hold_block(
    number: int, order: npt.NDArray[np.int32], job: Job, *parts: list[PackedImages]
) -> None:
    """Hold images that came from some parts as a block of a subset; a task for workers."""
    held = held_images(job)
    packed, places = [images for part in parts for images in part], order.astype(np.intp)
    block = next(job.storage.blocks(job.grid, len(order)))
    copied_into(block, packed, places)
    images = working_block(packed, places)
    with held.in_turn():
        held.hold(number, block, images)
