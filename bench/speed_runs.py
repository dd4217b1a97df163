"""Processor time, phases and memory of whole runs, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cl2d
from cl2d.engine import bytes_per_image
from cl2d.events import LevelFinished, LevelStarted, RunPlanned
from cl2d.io import write_stack
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speed_workload import Row

    from cl2d.preprocess import PreprocessPlan

FIELD_OF_VIEW_ANGSTROM = 256.0
MEMORY_BOX_PX = 32


@dataclass(frozen=True)
class Outcome:
    """Figures of one run; memory in bytes, 0 where the system does not tell."""

    n_images: int
    box_px: int
    n_classes: int
    grid: str
    n_shifts: int
    iterations: int
    comparisons: int
    cpu_s: float
    levels_cpu_s: float
    wall_s: float
    timings: dict[str, float]
    coefficient_bytes: int
    estimated_bytes: int
    peak_bytes: int
    private_bytes: int

    @property
    def us_per_comparison(self) -> float:
        """Processor time of the levels for one image and one class."""
        return self.levels_cpu_s / self.comparisons * 1e6


class Watcher:
    """Listens to a run: plan, processor time of the levels, largest private memory."""

    def __init__(self) -> None:
        self.planned: RunPlanned | None = None
        self.private_bytes = 0
        self.levels_cpu_s = 0.0
        self._levels_started: float | None = None

    def __call__(self, event: object) -> None:
        """Take note of an event of the run."""
        self.private_bytes = max(self.private_bytes, memory_bytes("RssAnon"))
        if isinstance(event, RunPlanned):
            self.planned = event
        elif isinstance(event, LevelStarted) and self._levels_started is None:
            self._levels_started = time.process_time()
        elif isinstance(event, LevelFinished) and self._levels_started is not None:
            self.levels_cpu_s = time.process_time() - self._levels_started


def memory_bytes(field: str) -> int:
    """Return a field of this process's status: VmHWM, the peak, or RssAnon, private now.

    Not getrusage, whose peak of a child begins with the memory of its parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def run_here(path: str, options: dict[str, Any]) -> Outcome:
    """Classify the particles of a file in this process and return what it took."""
    watcher = Watcher()
    wall, cpu = time.perf_counter(), time.process_time()
    result = cl2d.classify(path, on_event=watcher, **options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    reports = [report for level in result.levels for report in level.iterations]
    planned = watcher.planned
    assert planned is not None
    return Outcome(
        n_images=planned.n_images,
        box_px=planned.box_px,
        n_classes=planned.n_classes,
        grid=f"{result.plan.working_box_px}/{result.plan.k_max}",
        n_shifts=planned.n_shifts,
        iterations=len(reports),
        comparisons=planned.n_images * sum(report.n_classes for report in reports),
        cpu_s=cpu,
        levels_cpu_s=watcher.levels_cpu_s,
        wall_s=wall,
        timings=dict(result.timings),
        coefficient_bytes=_coefficient_bytes(result.plan),
        estimated_bytes=planned.memory_bytes,
        peak_bytes=memory_bytes("VmHWM"),
        private_bytes=watcher.private_bytes,
    )


def run_fresh(path: Path, **options: Any) -> Outcome:
    """Do the same in a new process, so that memory is that of one run."""
    command = [sys.executable, __file__, str(path), json.dumps(options)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Outcome(**json.loads(done.stdout))


def simulated_stack(folder: Path, n_images: int, box_px: int = 64) -> Path:
    """Write a stack of 16 views, white noise, SNR 0.1; the field of view is always the same."""
    simulation = simulate_particles(
        SimulationOptions(
            n_particles=n_images,
            box_px=box_px,
            pixel_size_angstrom=FIELD_OF_VIEW_ANGSTROM / box_px,
            shift_sd_px=box_px / 32,
        )
    )
    path = folder / f"simulated_{n_images}_{box_px}.mrcs"
    # The lazy stack: images are made and written a few at a time.
    write_stack(path, simulation.stack, FIELD_OF_VIEW_ANGSTROM / box_px)
    return path


def run_rows(path: Path, n_classes: int, threads: Sequence[int]) -> list[Row]:
    """Classify a set on several numbers of threads."""
    outcomes = [(n, run_fresh(path, n_classes=n_classes, threads=n)) for n in threads]
    return [{"threads": n, **_run_row(outcome)} for n, outcome in outcomes]


def memory_row(folder: Path, sizes: tuple[int, int]) -> Row:
    """Return what one more image takes, from two short runs of more than a block of images each.

    Private memory is what the run has to itself; the peak also counts pages of the stack, which
    the system takes back when it needs them.
    """
    outcomes = []
    for n_images in sizes:
        path = folder / f"noise_{n_images}.mrcs"
        noise = np.random.default_rng(0).normal(size=(n_images, MEMORY_BOX_PX, MEMORY_BOX_PX))
        write_stack(path, noise.astype(np.float32), FIELD_OF_VIEW_ANGSTROM / MEMORY_BOX_PX)
        outcomes.append(run_fresh(path, n_classes=2, iterations=1, threads=1))
    few, many = outcomes
    more = sizes[1] - sizes[0]
    return {
        "from": sizes[0],
        "to": sizes[1],
        "grid": many.grid,
        "coefficient_bytes": many.coefficient_bytes,
        "estimated_bytes": (many.estimated_bytes - few.estimated_bytes) / more,
        "private_bytes": (many.private_bytes - few.private_bytes) / more,
        "peak_bytes": (many.peak_bytes - few.peak_bytes) / more,
    }


def _coefficient_bytes(plan: PreprocessPlan) -> int:
    return bytes_per_image(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)


def _run_row(outcome: Outcome) -> Row:
    total = sum(outcome.timings.values())
    return {
        "images": outcome.n_images,
        "classes": outcome.n_classes,
        "grid": outcome.grid,
        "iterations": outcome.iterations,
        "cpu_s": outcome.cpu_s,
        "wall_s": outcome.wall_s,
        "us_per_comparison": outcome.us_per_comparison,
        **{f"{name}_share": seconds / total for name, seconds in outcome.timings.items()},
        "coefficient_bytes": outcome.coefficient_bytes,
        "private_mb": outcome.private_bytes / 1e6,
        "peak_mb": outcome.peak_bytes / 1e6,
        "estimated_mb": outcome.estimated_bytes / 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(asdict(run_here(sys.argv[1], json.loads(sys.argv[2])))))
