"""Class averages in real space, for correntropy, from the working images that workers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.cluster.crew import Arguments
from cl2d.cluster.held import held_images
from cl2d.cluster.packed import PackedPoses
from cl2d.cluster.tasks import merged_sums
from cl2d.engine.correntropy import WorkingImages, real_averages

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from cl2d.cluster.crew import Crew
    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.engine import RealAverages
    from cl2d.engine.block_tree import BlockTree
    from cl2d.results import Poses

    Images = npt.NDArray[np.float32]
    Rows = npt.NDArray[np.intp]
    Labels = npt.NDArray[np.int32]


def averages_on_workers(
    crew: Crew,
    job: Job,
    classes: tuple[Labels, Poses, int],
    fetched: Callable[[Rows], Images],
) -> RealAverages | None:
    """Return what :meth:`WorkingImages.averages` does of all images of a run.

    Workers add the images up; those of which the spread is found come to this process.

    Parameters
    ----------
    crew, job : of the run
    classes : (n_images,) int32, Poses, int
        Class and pose of each image, and the number of classes.
    fetched : callable
        Returns the working images ``rows``.
    """
    labels, poses, n_classes = classes

    def arguments(part: Part) -> Arguments:
        packed = PackedPoses.of(poses.take(part.rows))
        return Arguments((job, part, n_classes, labels[part.rows], packed))

    tree = crew.merged(sum_images_of_part, merged_sums, arguments)
    sums = tree.total(crew.parts[-1].end_block)

    def taken(rows: Rows) -> WorkingImages:
        return WorkingImages([fetched(rows)], job.plan.mask_radius_px, 1)

    return real_averages(sums, labels, poses.in_pixels_of(job.pixels_per_working_px), taken)


def sum_images_of_part(
    job: Job, part: Part, n_classes: int, labels: Labels, poses: PackedPoses
) -> BlockTree:
    """Return the sums of moved working images of the blocks of a part; a task for workers."""
    held = held_images(job)
    with held.lock:
        working = poses.unpacked().in_pixels_of(job.pixels_per_working_px)
        return held.working_images(part).block_sums(labels, working, n_classes, part.first_block)


def take_working_images(job: Job, part: Part, rows: Rows) -> Images:
    """Return copies of some working images of a part; a task for workers."""
    held = held_images(job)
    with held.lock:
        return held.working_images(part).gathered(rows)
