"""What checkpoints cost: size and time of one by the number of images, and their share of a run.

Run with ``python bench/checkpoint_cost.py [--images 10000 100000 1000000] [--pairs 5]``. The first
table is of the largest kind: a level under way, whose last exchange is being iterated. The second
compares runs with checkpoints and without in turn, on the same simulated images.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from markdown_tables import table

import cl2d
from cl2d.engine import Assignment, ClassSums
from cl2d.io.record_file import read_records
from cl2d.levels.bookmark import RECORDS, Exchanging, Iterating, Place
from cl2d.levels.endpoints import LevelEnd, LevelStart
from cl2d.levels.size_control import no_reseeding
from cl2d.levels.step import Step
from cl2d.outputs.checkpoint import CheckpointFolder, RunFacts, State
from cl2d.pipeline.checkpoints import Checkpoints
from cl2d.preprocess import PreprocessPlan
from cl2d.results import IterationReport, LevelResult, Poses
from cl2d.simulate import SimulationOptions, simulate_particles

N_CLASSES, RINGS, HALF_ANGLES = 64, 20, 64
N_LEVELS = 4
FACTS = RunFacts("0", "0" * 64, {}, "single", "avx2", "0" * 64)
PLAN = PreprocessPlan(64, 64, 28.0, 1, 20, np.ones(21), np.ones(21))


def assignment(n_images: int, rng: np.random.Generator) -> Assignment:
    poses = Poses(rng.random(n_images), rng.random((n_images, 2)), rng.random(n_images) < 0.5)
    labels = rng.integers(0, N_CLASSES, n_images, dtype=np.int32)
    scores = [rng.random(n_images, dtype=np.float32) for _ in range(3)]
    return Assignment(labels, poses, *scores)


def largest_place(n_images: int) -> Place:
    """Return the place of a run at its last level, while an exchange is being iterated."""
    rng = np.random.default_rng(0)
    references = rng.random((N_CLASSES, RINGS, HALF_ANGLES)).astype(np.complex64)
    parents = np.zeros(N_CLASSES, np.int32)
    report = IterationReport(N_LEVELS - 1, N_CLASSES, 5, 100, 0.1, 10, 1000, 0, 1.0)
    before, found, best = (assignment(n_images, rng) for _ in range(3))
    sums = ClassSums(references.astype(np.complex128), np.ones(N_CLASSES, np.int64))
    step = Step(found, best.labels, found.labels, sums, no_reseeding(references), report)
    start = LevelStart(N_LEVELS - 1, references, parents, before=before)
    end = LevelEnd(best, parents, (report,) * 10)
    levels = []
    for k in range(N_LEVELS - 1):
        past = assignment(n_images, rng)
        values = (past.labels, past.poses, past.scores, past.confidence, parents, (report,) * 10)
        levels.append(LevelResult(k, N_CLASSES, *values, margin=past.margin))
    under_way = LevelStart(N_LEVELS - 1, references.copy(), parents, exchange=1, before=best)
    return Place(
        levels=tuple(levels),
        level=start,
        exchanging=Exchanging(end, 0, under_way),
        iterating=Iterating(step, parents, (report,) * 5),
    )


def cost_by_images(sizes: list[int], folder: Path) -> str:
    rows = []
    for n_images in sizes:
        place = largest_place(n_images)
        checkpoints = CheckpointFolder(folder)
        written, read = [], []
        for _ in range(3):
            started = time.perf_counter()
            path = checkpoints.write(FACTS, State(PLAN, place))
            written.append(time.perf_counter() - started)
            started = time.perf_counter()
            read_records(path, (State, PreprocessPlan, *RECORDS))
            read.append(time.perf_counter() - started)
        rows.append(
            [
                f"{n_images:,}",
                f"{path.stat().st_size / 1e6:.1f}",
                f"{min(written):.3f}",
                f"{min(read):.3f}",
            ]
        )
        checkpoints.remove()
    return table(["images", "MB", "written in s", "read in s"], rows)


def times_of_a_run(images: np.ndarray, out: Path) -> tuple[float, float]:
    """Return wall and processor time of a classification with all its files."""
    started, cpu = time.perf_counter(), time.process_time()
    cl2d.classify(images, n_classes=32, output=out, overwrite=True, threads=1)
    return time.perf_counter() - started, time.process_time() - cpu


def share_of_a_run(n_pairs: int, folder: Path) -> str:
    options = SimulationOptions(n_particles=3000, box_px=64, snr=0.1)
    images = simulate_particles(options).images
    with_them, without = [], []
    times_of_a_run(images, folder / "warm")
    for _ in range(n_pairs):
        with_them.append(times_of_a_run(images, folder / "with"))
        with mock.patch.object(Checkpoints, "save", return_value=None):
            without.append(times_of_a_run(images, folder / "without"))
    rows = []
    for kind, number in (("wall s", 0), ("CPU s", 1)):
        one = [times[number] for times in with_them]
        other = [times[number] for times in without]
        ratios = [a / b for a, b in zip(one, other, strict=True)]
        figures = [f"{statistics.median(values):.2f}" for values in (one, other)]
        rows.append([kind, *figures, f"{statistics.median(ratios):.3f}"])
    return table(["", "with", "without", "median ratio"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(cost_by_images(arguments.images, Path(name)))
        print(share_of_a_run(arguments.pairs, Path(name)))


if __name__ == "__main__":
    main()
