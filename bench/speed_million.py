"""A million images: reading them and one assignment in full, a whole run by extrapolation.

The images are one block of the project's simulator, over and over, so that nothing but
coefficients grows; the program does not know. Runs in a process of its own, for its memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from speed_runs import FIELD_OF_VIEW_ANGSTROM, memory_bytes

from cl2d.engine import (
    BLOCK_IMAGES,
    ClassicalRule,
    LastPoses,
    LocalEngine,
    SearchSettings,
    normalised_references,
)
from cl2d.engine.comparison import fast_pays
from cl2d.engine.ingest import ingest
from cl2d.engine.raw_average import accumulate_raw
from cl2d.io import array_source
from cl2d.levels import level_schedule
from cl2d.levels.doubt import DOUBTED_SHARE, TURNS
from cl2d.levels.sampled import ITERATIONS_OF_ALL, sample_size
from cl2d.levels.schedule import most_iterations
from cl2d.options import LevelOptions, PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.results import Poses
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from speed_workload import Row

    from cl2d.engine import Assignment
    from cl2d.preprocess import PreprocessPlan

    Images = npt.NDArray[np.float32]

_Result = TypeVar("_Result")

IMAGES, QUICK_IMAGES = 1_000_000, 20_000
CLASSES = 64
BOX_PX = 64
MAX_SHIFT = 0.1
THREADS = 1


class RepeatedStack:
    """A lazy array (n, box, box) that gives the same block of images again and again."""

    def __init__(self, block: Images, n_images: int) -> None:
        self._block = block
        self.shape = (n_images, *block.shape[1:])
        self.dtype = block.dtype

    def __getitem__(self, rows: slice) -> Images:
        start, stop, step = rows.indices(self.shape[0])
        picked: Images = self._block[np.arange(start, stop, step) % len(self._block)]
        return picked


@dataclass(frozen=True)
class Measured:
    """Seconds and bytes of what was done; one entry a level in the lists, for one block."""

    n_images: int
    n_classes: int
    block_images: int
    grid: str
    n_shifts: int
    ingest_s: float
    assign_s: float
    assigned: str
    update_s: float
    coefficient_bytes: int
    private_bytes: int
    level_classes: list[int]
    block_exhaustive_s: list[float]
    block_fast_s: list[float]
    block_average_s: float


def measured(n_images: int, n_classes: int) -> Measured:
    """Read all images, assign and add them up once, and time one block at every level."""
    block = _simulated_block(min(n_images, BLOCK_IMAGES))
    source = array_source(RepeatedStack(block, n_images), FIELD_OF_VIEW_ANGSTROM / BOX_PX)
    plan = plan_preprocessing(source, PreprocessOptions())
    ingested, ingest_s = timed(lambda: ingest(source, plan, THREADS))
    few = _engine(ingested.blocks[:1], plan, len(block))
    engine = _engine(ingested.blocks, plan, n_images)
    schedule = level_schedule(LevelOptions().initial_classes, n_classes)
    levels = [_level_seconds(few, k) for k in schedule]
    references, found = _averages(few, n_classes)
    last = _last_poses(found, n_images)
    assignment, assign_s = timed(lambda: engine.assign(references, ClassicalRule(), last=last))
    _, update_s = timed(lambda: engine.update(assignment.labels, assignment.poses, n_classes))
    sums = np.zeros((n_classes, BOX_PX, BOX_PX))
    _, average_s = timed(lambda: accumulate_raw(sums, block, found.poses, found.labels, THREADS))
    return Measured(
        n_images=n_images,
        n_classes=n_classes,
        block_images=len(block),
        grid=f"{plan.working_box_px}/{plan.k_max}",
        n_shifts=len(engine.shifts),
        ingest_s=ingest_s,
        assign_s=assign_s,
        assigned="fast" if assignment.fast else "exhaustively",
        update_s=update_s,
        coefficient_bytes=sum(block.bytes for block in ingested.blocks),
        private_bytes=memory_bytes("RssAnon"),
        level_classes=schedule,
        block_exhaustive_s=[seconds for seconds, _ in levels],
        block_fast_s=[seconds for _, seconds in levels],
        block_average_s=average_s,
    )


def timed(action: Callable[[], _Result]) -> tuple[_Result, float]:
    """Return what an action returns, and the processor time it takes."""
    started = time.process_time()
    result = action()
    return result, time.process_time() - started


def _simulated_block(n_images: int) -> Images:
    return simulate_particles(SimulationOptions(n_particles=n_images, box_px=BOX_PX)).images


def _engine(blocks: Sequence[object], plan: PreprocessPlan, n_images: int) -> LocalEngine:
    return LocalEngine(
        blocks,
        np.ones(n_images, dtype=bool),
        SearchSettings(MAX_SHIFT * BOX_PX),
        plan.box_px / plan.working_box_px,
        n_threads=THREADS,
    )


def _averages(engine: LocalEngine, n_classes: int) -> tuple[npt.NDArray[np.complex64], Assignment]:
    """Return averages of images dealt out in turn, and where these find the images."""
    n_images = engine.n_images
    poses = Poses(np.zeros(n_images), np.zeros((n_images, 2)), np.zeros(n_images, dtype=bool))
    labels = (np.arange(n_images) % n_classes).astype(np.int32)
    references = normalised_references(engine.update(labels, poses, n_classes).sums)
    return references, engine.assign(references, ClassicalRule())


def _level_seconds(engine: LocalEngine, n_classes: int) -> tuple[float, float]:
    """Return the time of an assignment of one block, exhaustive and, where that pays, fast."""
    references, found = _averages(engine, n_classes)
    _, exhaustive_s = timed(lambda: engine.assign(references, ClassicalRule()))
    last = _last_poses(found, engine.n_images)
    if not fast_pays(n_classes, len(engine.shifts), last):
        return exhaustive_s, exhaustive_s
    _, fast_s = timed(lambda: engine.assign(references, ClassicalRule(), last=last))
    return exhaustive_s, fast_s


def _last_poses(found: Assignment, n_images: int) -> LastPoses:
    """Return the poses of a block as those of all images, as many doubted as in a run."""
    rows = np.arange(n_images) % len(found.labels)
    place = np.random.default_rng(1).permutation(n_images) / n_images
    return LastPoses(found.poses.take(rows), place < DOUBTED_SHARE / TURNS, place < 0)


def million_rows(found: Measured) -> list[Row]:
    """Return what was measured, as one row of a table."""
    return [
        {
            "images": found.n_images,
            "grid": found.grid,
            "shifts": found.n_shifts,
            "classes": found.n_classes,
            "ingest_cpu_s": found.ingest_s,
            "ingest_us_per_image": found.ingest_s / found.n_images * 1e6,
            "assigned": found.assigned,
            "assign_cpu_s": found.assign_s,
            "assign_us_per_image": found.assign_s / found.n_images * 1e6,
            "update_cpu_s": found.update_s,
            "coefficients_gb": found.coefficient_bytes / 1e9,
            "private_gb": found.private_bytes / 1e9,
        }
    ]


def extrapolated_rows(found: Measured) -> list[Row]:
    """Return the processor time of a whole run with every iteration the options allow.

    An iteration is an assignment, timed for one block at every level, and an update. Most look at
    a sample of the images. The fast search is exhaustive in the first and in one more iteration.
    What levels do with classes as wholes, half-sets and cores are left out.
    """
    blocks = found.n_images / found.block_images
    iterations = whole_iterations_by_level(found.level_classes, found.n_images)
    rows: list[Row] = []
    for search, seconds in (
        ("exhaustive", found.block_exhaustive_s),
        ("fast", found.block_fast_s),
    ):
        assigning = blocks * sum(n * s for n, s in zip(iterations, seconds, strict=True))
        if search == "fast":
            first, last = found.block_exhaustive_s[0], found.block_exhaustive_s[-1]
            assigning += blocks * (first - seconds[0] + last)
        updating = found.update_s * sum(iterations)
        averaging = found.block_average_s * blocks * len(iterations)
        total = found.ingest_s + assigning + updating + averaging
        rows.append(
            {
                "search": search,
                "images": found.n_images,
                "classes": found.n_classes,
                "levels": len(iterations),
                "iterations": sum(iterations),
                "ingest_h": found.ingest_s / 3600,
                "assign_h": assigning / 3600,
                "update_h": updating / 3600,
                "averages_h": averaging / 3600,
                "total_cpu_h": total / 3600,
                "private_gb": found.private_bytes / 1e9,
            }
        )
    return rows


def whole_iterations_by_level(level_classes: Sequence[int], n_images: int) -> list[float]:
    """Return the most iterations of each level by the default options, settling included.

    Those that look at a sample count as their share of the images.
    """
    options, found = LevelOptions(), []
    for n_classes in level_classes:
        last = n_classes == level_classes[-1]
        most = most_iterations(options.iterations, last=last) * (1 + last)
        looked_at = sample_size(n_images, n_classes, options.images_per_class)
        closing = ITERATIONS_OF_ALL if looked_at < n_images else 0
        found.append(most * looked_at / n_images + closing)
    return found


def measured_fresh(n_images: int, n_classes: int) -> Measured:
    """Measure in a new process."""
    command = [sys.executable, __file__, str(n_images), str(n_classes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps(asdict(measured(int(sys.argv[1]), int(sys.argv[2])))))
