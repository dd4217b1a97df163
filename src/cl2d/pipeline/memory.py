"""What a run will take, worked out before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.engine import BLOCK_IMAGES, distribution_bytes
from cl2d.engine.block_size import polar_grid
from cl2d.engine.ingest import READ_IMAGES
from cl2d.engine.member_sums import READ_BYTES
from cl2d.engine.stretches import SUM_SHAPE
from cl2d.levels import level_schedule
from cl2d.levels.sampled import sample_size
from cl2d.preprocess import SAMPLE_BYTES

if TYPE_CHECKING:
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import StorageKind

PROGRAM_BYTES = 150 << 20
"""Interpreter, libraries and the engine's scratch."""

BYTES_PER_ROW = 1000
"""Labels, poses and scores of a particle at every level, and its columns while they are written."""

READ_COPIES = 4
"""Stacks of a batch of images, of the box as read, while they are prepared: transforms and all."""

PADDED_COPIES = 4
"""Stacks of a batch of images of twice the working box, while they are transformed."""

MEMBERS = 2048
"""Members of a class that are aligned at a time where their components are looked at."""

MEMBER_COPIES = 4
"""Stacks of these that are alive at a time, in single precision complex numbers."""

GOING_BLOCKS = 4
"""Stacks of a block of images while they are averaged, what corrects their CTF counted in."""

CALL_CELL_BYTES = 40
"""Scores, codes and values of an image and a class, while an engine call is evaluated."""

SUM_COPIES = 6
"""Sets of class sums or references, complex double, that are alive at a time in an iteration. To
these come the sums of runs of blocks: as many as the number of blocks has binary digits."""


@dataclass(frozen=True)
class MemoryNeeds:
    """What a run takes, in bytes, whatever stores its coefficients.

    Attributes
    ----------
    n_images : int
    n_copied : int
        Images of which copies are made beside all images.
    values_per_image : int
        Real numbers that are stored of an image.
    running : int
        Everything else while the images are there.
    planning : int
        The sample that the run is planned by, before the images are there.
    """

    n_images: int
    n_copied: int
    values_per_image: int
    running: int
    planning: int

    def bytes_per_image(self, storage: StorageKind) -> int:
        """Return what stores the coefficients of one image, in memory or in the file."""
        return self.values_per_image * (4 if storage == "single" else 2)

    def memory_bytes(self, storage: StorageKind) -> int:
        """Return the expected peak of private memory, what the process holds anyway included."""
        stored = 0 if storage == "scratch" else self._stored_bytes(storage)
        return PROGRAM_BYTES + max(stored + self.running, self.planning)

    def scratch_bytes(self, storage: StorageKind) -> int:
        """Return what the scratch folder must have room for."""
        return self._stored_bytes(storage) if storage == "scratch" else 0

    def _stored_bytes(self, storage: StorageKind) -> int:
        return (self.n_images + self.n_copied) * self.bytes_per_image(storage)


def memory_needs(
    source: ParticleSource, plan: PreprocessPlan, options: ClassifyOptions
) -> MemoryNeeds:
    """Return what a run takes, step by step, at the step that takes most.

    Coefficients of all images stay, for correntropy the working images beside them, and copies of
    both are made of the sample that a level looks at. Beside these there are at a time: class sums
    with, for each thread, the scores of an engine call and what moves its images, or aligned
    members of a class; the averages of all levels with their sums and a block of images, or with a
    batch that is read, of averages or noise.
    """
    n, box = source.n_images, source.box_px
    grid = polar_grid(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)
    values = int(grid.n_coefficients) * 2
    most_classes = options.levels.most_classes(n)
    kept = options.alignment.similarity == "correntropy"
    working = plan.working_box_px**2 * 4 if kept else 0
    n_threads = options.run.n_threads()
    batch = min(n, n_threads * BLOCK_IMAGES)
    moved = batch * values * 4
    samples = int(grid.n_rings) * int(grid.n_half_angles)
    of_runs = ((n - 1) // BLOCK_IMAGES).bit_length()
    sums = most_classes * samples * 16 * (SUM_COPIES + of_runs)
    members = min(n, n_threads * MEMBERS) * samples * 8 * MEMBER_COPIES
    step = max(
        sums + max(batch * most_classes * CALL_CELL_BYTES, members),
        _averaging_bytes(source, plan, options),
    )
    ranked = options.levels.clustering == "robust"
    ranks = distribution_bytes(n, most_classes) if ranked else 0
    copied = _copied_images(options, n)
    return MemoryNeeds(
        n_images=n,
        n_copied=copied,
        values_per_image=values,
        running=(n + copied) * working + n * BYTES_PER_ROW + step + ranks + moved,
        planning=2 * min(n * box**2 * 4, SAMPLE_BYTES),
    )


def _copied_images(options: ClassifyOptions, n_images: int) -> int:
    """Return of how many images there are copies at a time, stored as the images are.

    A level may look at a sample of the images. The copies that threads make in memory, of samples
    of classes, are fewer than the images they move in a search, and are not there at the same time.
    """
    levels = options.levels
    last = levels.most_classes(n_images)
    first = min(levels.initial_classes, last)
    samples = [
        sample_size(n_images, n_classes, levels.images_per_class)
        for n_classes in level_schedule(first, last)
    ]
    return max((size for size in samples if size < n_images), default=0)


def _reading_bytes(source: ParticleSource, plan: PreprocessPlan) -> int:
    batch = READ_IMAGES  # of noise there are as many, if there are fewer particles
    as_read = READ_COPIES * source.box_px**2
    return batch * 4 * (as_read + PADDED_COPIES * (2 * plan.working_box_px) ** 2)


def _averaging_bytes(source: ParticleSource, plan: PreprocessPlan, options: ClassifyOptions) -> int:
    """Return what the averages of all levels, half-sets and cores take, with a block of images."""
    most_classes = options.levels.most_classes(source.n_images)
    all_levels = sum(level_schedule(options.levels.initial_classes, most_classes))
    delivered = all_levels
    if options.cores.core:
        delivered += most_classes * (1 + options.cores.stable_core)
    halves = 2 * all_levels if options.output.evaluate else 0
    parts = 2 if plan.ctf == "full" else 1  # members are summed in two parts
    pixels = source.box_px**2
    stacks = (parts * delivered + halves) * pixels
    block = min(min(source.n_images, BLOCK_IMAGES) * pixels * 4, READ_BYTES)
    # While several sets of sums are there, there are no averages yet.
    sums = stacks * max(8, 8 * SUM_SHAPE.sums_at_once(source.n_images) - 4)
    return stacks * 4 + max(sums + GOING_BLOCKS * block, _reading_bytes(source, plan))
