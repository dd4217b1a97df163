"""Groups of images worked on by any worker, to which copies of their coefficients go.

Some groups make a batch, and a worker gives all that a batch wants of its images at once: what a
task costs beside its work would be more than the work otherwise.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cl2d.cluster.begun import Begun
from cl2d.cluster.copies import taken
from cl2d.cluster.tasks import with_members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from distributed import Future

    from cl2d.cluster.crew import Crew

    Rows = npt.NDArray[np.intp]
    Group = tuple[Rows, Any]

Item = TypeVar("Item")

MOST_GROUPS = 16
"""Groups in a batch, so that the copies for it take little memory: some thousand images."""

GROUP_IN_TASKS = 25
"""The time that a group takes a worker, over that a task takes the client and the scheduler."""

BATCHES_PER_WORKER = 2
"""Batches that are on their way or worked on at a time, for each worker; none waits for images."""


@dataclass(frozen=True, eq=False)
class GroupWork:
    """What is done with each of some groups of images.

    Attributes
    ----------
    crew : Crew
    job_sent : Future of a Job
    usable : (n_images,) bool
    function : callable
        Called with an engine of copies of the images of a group, and the item of the group.
    """

    crew: Crew
    job_sent: Future
    usable: npt.NDArray[np.bool_]
    function: Callable[..., Any]

    def results(self, groups: Sequence[Group]) -> Iterator[Any]:
        """Yield what the function returns of each group, in their order."""
        n_workers = len(self.crew.workers())
        waiting = deque(batches(groups, n_workers))
        begun: deque[tuple[Begun, Callable[[], Begun]]] = deque()
        while begun or waiting:
            while waiting and len(begun) < BATCHES_PER_WORKER * n_workers:
                begin = partial(self._begun, waiting.popleft())
                begun.append((begin(), begin))
            yield from self.crew.result_of(*begun.popleft())

    def _begun(self, batch: Sequence[Group]) -> Begun:
        copies = taken(self.crew, self.job_sent, np.concatenate([rows for rows, _ in batch]))
        ends = np.cumsum([len(rows) for rows, _ in batch])
        orders = np.split(copies.order, ends[:-1])
        tasks = [
            (item, self.usable[rows], order)
            for (rows, item), order in zip(batch, orders, strict=True)
        ]
        more = (self.job_sent, *copies.images)
        return Begun(self.crew.call(with_members, (self.function, tasks), more), copies.steps)


def batches(groups: Sequence[Item], n_workers: int) -> list[Sequence[Item]]:
    """Return groups in batches.

    For each batch all workers are asked for images, by a task each, and the last batch keeps all
    waiting: n_workers n_batches and GROUP_IN_TASKS n_groups / n_batches tasks' time, the least
    together where both are the same.
    """
    n_batches = max(1.0, math.sqrt(GROUP_IN_TASKS * len(groups) / n_workers))
    length = min(MOST_GROUPS, math.ceil(max(1, len(groups)) / n_batches))
    return [groups[start : start + length] for start in range(0, len(groups), length)]
