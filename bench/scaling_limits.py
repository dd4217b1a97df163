"""What bounds a run on workers, by formulas of a line each: they say why the simulation stops."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.cluster.crew import MERGED_AT_ONCE
from cl2d.engine import BLOCK_IMAGES

if TYPE_CHECKING:
    from scaling_costs import Cluster, ClusterCosts, GridCosts

TASKS = 2 + 1 / MERGED_AT_ONCE
"""Of an iteration, for each of many workers: search, and sums, which others merge."""


@dataclass(frozen=True)
class Bounds:
    """Limits of an iteration of all images, a fast search, and of reading.

    Attributes
    ----------
    computed_seconds, task_seconds
        Of an image on a worker, and of a task in the process that runs the program.
    for_an_image
        Largest speed-up by what that process does for each image, however many the workers.
    that_read
        Workers that together read as fast as the file system gives.
    """

    computed_seconds: float
    task_seconds: float
    for_an_image: float
    that_read: float

    def of_tasks(self, n_images: int) -> float:
        """Return the workers on which an iteration is quickest by its tasks.

        With ``w`` workers it takes ``a / w + b w``, computing and tasks: least at sqrt(a / b),
        where half of the time is lost.
        """
        of_worker = TASKS * self.task_seconds
        if of_worker == 0:
            return math.inf
        return math.sqrt(n_images * self.computed_seconds / of_worker)


def bounds_of(grid: GridCosts, costs: ClusterCosts, cluster: Cluster, n_classes: int) -> Bounds:
    """Return the limits by the costs that were measured."""
    computed = grid.assign_seconds(n_classes, fast=True) + grid.sum_seconds
    each = computed / BLOCK_IMAGES
    n_bytes = costs.sent_bytes_per_image + costs.received_bytes_per_image
    serial = costs.image_seconds + costs.pack_seconds + n_bytes * costs.byte_seconds
    rate = grid.image_bytes * BLOCK_IMAGES / grid.read_seconds
    return Bounds(
        computed_seconds=each,
        task_seconds=costs.task_seconds,
        for_an_image=(each + costs.image_seconds) / serial if serial > 0 else math.inf,
        that_read=cluster.files_bytes_per_second / rate,
    )
