"""Reading particles once, each worker its own, and the engine that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.crew import Arguments
from cl2d.cluster.tasks import ReadFacts, read_part, see_particles
from cl2d.preprocess import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part


def read_on_workers(
    crew: Crew, job: Job, on_progress: Callable[[int], None] | None = None
) -> ReadFacts:
    """Have every worker read the images of its parts and hold their coefficients.

    Raises
    ------
    InputError
        If a worker sees other particles than this process, or cannot read them.
    """
    flags = np.zeros(job.n_images, dtype=np.uint8)
    statistics = np.zeros((job.n_images, len(STATISTICS)), dtype=np.float32)
    done = 0

    shared = (crew.broadcast(job, for_long=True),)
    crew.roster.entrance = lambda worker: crew.call(see_particles, (), shared, worker)

    def arguments(part: Part, _worker: str) -> Arguments:
        return Arguments((part,), shared)

    for part, outcome in crew.for_each_part(read_part, arguments):
        found = outcome.value
        flags[part.rows] = found.flags
        statistics[part.rows] = found.statistics
        done += part.n_images
        if on_progress is not None:
            on_progress(done)
    return ReadFacts(flags, statistics)
