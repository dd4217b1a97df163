"""What workers do for class averages in real space, with the working images that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.held import held_images

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.cluster.told import ToldMembers
    from cl2d.engine.block_tree import BlockTree


def sum_images_of_part(part: Part, given: ToldMembers, n_classes: int, job: Job) -> BlockTree:
    """Return the sums of moved working images of the blocks of a part."""
    held = held_images(job)
    with held.in_turn():
        labels, poses = given.members(held.recall(part, given.known))
        working = poses.in_pixels_of(job.pixels_per_working_px)
        return held.working_images(part).block_sums(labels, working, n_classes, part.first_block)


def take_working_images(
    wanted: list[tuple[Part, npt.NDArray[np.intp]]], job: Job
) -> npt.NDArray[np.float32]:
    """Return copies of some working images of parts."""
    held = held_images(job)
    with held.in_turn():
        copies = [held.working_images(part).gathered(rows) for part, rows in wanted]
    return np.concatenate(copies)
