"""What a run will take, worked out before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.engine import BLOCK_IMAGES, bytes_per_image, distribution_bytes
from cl2d.levels import level_schedule
from cl2d.outputs.averages import BLOCK_BYTES
from cl2d.preprocess import SAMPLE_BYTES

if TYPE_CHECKING:
    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan

PROGRAM_BYTES = 150 << 20
"""Interpreter, libraries and the engine's scratch."""

BYTES_PER_ROW = 1000
"""Labels, poses and scores of a particle at every level, and its columns while they are written."""


def estimated_memory_bytes(
    source: ParticleSource, plan: PreprocessPlan, options: ClassifyOptions
) -> int:
    """Return the expected peak of memory of a whole run.

    Coefficients of all images stay in memory, for correntropy the working images beside them;
    averages are float64 sums of all levels at once. The robust rule keeps scores of a sample; the
    fast search moves copies of a block.
    Before, the sample that the run is planned by is there alone.
    """
    coefficients = bytes_per_image(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)
    most_classes = options.levels.most_classes(source.n_images)
    schedule = level_schedule(options.levels.initial_classes, most_classes)
    kept = options.alignment.similarity == "correntropy"
    working = plan.working_box_px**2 * 4 if kept else 0
    stacks = 3 if options.output.evaluate else 1  # of all members, and of two halves
    stacks += plan.ctf == "full"  # members are summed in two parts
    sums = stacks * sum(schedule) * source.box_px**2 * (8 + 4)
    ranked = options.levels.clustering == "robust"
    ranks = distribution_bytes(source.n_images, most_classes) if ranked else 0
    fast = options.alignment.search == "fast"
    moved = min(source.n_images, BLOCK_IMAGES) * coefficients if fast else 0
    all_images = source.n_images * source.box_px**2 * 4
    block = min(all_images, BLOCK_BYTES)
    running = source.n_images * (coefficients + working + BYTES_PER_ROW) + sums + ranks + block
    running += moved
    return PROGRAM_BYTES + max(running, min(all_images, SAMPLE_BYTES))
