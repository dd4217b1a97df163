"""Copies of images on their way from the workers that hold them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.cluster.tasks import take_images

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from distributed import Future

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.parts import Part

    Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Taken:
    """Copies of images on their way.

    Attributes
    ----------
    steps : tasks that return them, one of each worker that has some
    order : (n,) intp
        Where each of the images asked for is among all that come.
    """

    steps: dict[str, Future]
    order: Rows

    @property
    def images(self) -> list[Future]:
        """The tasks that return copies."""
        return list(self.steps.values())


def taken(
    crew: Crew, job_sent: Future, rows: Rows, take: Callable[..., Any] = take_images
) -> Taken:
    """Begin to take copies of images.

    Parameters
    ----------
    crew : Crew
    job_sent : Future of a Job
    rows : (n,) intp
    take : callable
        The task; it gets a list of parts with rows of each, and the job.
    """
    crew.check_owners()
    wanted: defaultdict[str, list[tuple[Part, Rows]]] = defaultdict(list)
    places: defaultdict[str, list[Rows]] = defaultdict(list)
    of_part = np.searchsorted([part.start for part in crew.parts], rows, side="right") - 1
    by_part = np.argsort(of_part, kind="stable")
    starts = np.flatnonzero(np.diff(of_part[by_part], prepend=-1))
    for here in np.split(by_part, starts[1:]):
        part = crew.parts[of_part[here[0]]]
        wanted[crew.owners[part]].append((part, rows[here] - part.start))
        places[crew.owners[part]].append(here)
    steps = {
        worker: crew.call_for_workers(take, (some,), (job_sent,), worker)
        for worker, some in wanted.items()
    }
    order = np.empty(len(rows), dtype=np.intp)
    order[np.concatenate(list(itertools.chain(*places.values())))] = np.arange(len(rows))
    return Taken(steps, order)
