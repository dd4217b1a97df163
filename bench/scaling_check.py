"""What the model says beside what was measured: one assignment, and whole runs, on this machine."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scaling_cluster import OnWorkers, write_particles
from scaling_costs import Cluster, Costs
from scaling_course import Iterations, Placement, Run, assign_work, phases
from scaling_passes import pass_seconds, spread_over
from speed_runs import Watcher

import cl2d
from cl2d.engine import ClassicalRule, normalised_references
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from distributed import Client
    from speed_workload import Row

    from cl2d.engine import Engine

BOX_PX = 64
CLASSES = 16
ASSIGNED = (20_000, 60_000)
WHOLE = 20_000
REPEATS = 5
WHOLE_REPEATS = 2
LOOPBACK_BYTES_PER_SECOND = 1e9
MODELLED = ("reading", "levels")
"""Phases of a run that the model has; cores and half-sets are searches of other kinds."""


def here(n_workers: int) -> Cluster:
    """Return workers on this machine: messages stay in its memory, files in its cache."""
    return Cluster(
        n_workers,
        speed_spread=0.0,
        network_bytes_per_second=LOOPBACK_BYTES_PER_SECOND,
        latency_seconds=0.0,
        files_bytes_per_second=LOOPBACK_BYTES_PER_SECOND,
    )


def with_latency(costs: Costs, cluster: Cluster) -> Cluster:
    """Return a cluster whose messages take half of the round trip of a task that does nothing."""
    waiting = costs.cluster.round_trip_seconds - costs.cluster.task_seconds
    return replace(cluster, latency_seconds=max(0.0, waiting / 2))


def assigned_seconds(engine: Engine) -> float:
    """Return the wall time of one exhaustive assignment of all images, the least of some."""
    labels = (np.arange(engine.n_images) % CLASSES).astype(np.int32)
    sums = engine.update(labels, identity_poses(engine.n_images), CLASSES).sums
    references = normalised_references(sums)
    return min(_wall_seconds(engine, references) for _ in range(REPEATS))


def _wall_seconds(engine: Engine, references: npt.NDArray[np.complex64]) -> float:
    started = time.perf_counter()
    engine.assign(references, ClassicalRule())
    return time.perf_counter() - started


def assignment_rows(client: Client, folder: Path, costs: Costs, n_workers: int) -> list[Row]:
    """Compare assignments on workers with what the model says of them."""
    rows = []
    grid = costs.grid(BOX_PX)
    for n_images in ASSIGNED:
        with OnWorkers(client, write_particles(folder, n_images, BOX_PX)) as on_workers:
            measured = assigned_seconds(on_workers.engine)
        some = Iterations(CLASSES, n_images, 1, fast=False)
        work = assign_work(grid, costs.cluster, some)
        cluster = with_latency(costs, here(n_workers))
        said = pass_seconds(work, spread_over(n_images, n_workers), costs.cluster, cluster)
        rows.append(_row("assignment", n_images, str(n_workers), measured, said))
    return rows


def whole_rows(folder: Path, costs: Costs) -> list[Row]:
    """Compare whole runs, in this process and on workers, with what the model says of them.

    The model is given the iterations that the run in this process made. There, processor time is
    compared, which other programs disturb less.
    """
    path = write_particles(folder, WHOLE, BOX_PX)
    watcher = Watcher()
    run = run_made(cl2d.classify(str(path), n_classes=CLASSES, threads=1, on_event=watcher))
    found = phases(run, costs, here(1))
    levels = sum(phase.alone_seconds for phase in found if phase.name != "reading")
    rows = [_row("levels, processor time", WHOLE, "-", watcher.levels_cpu_s, levels)]
    for n_workers in (0, 1, 2):
        shared = {"workers": n_workers} if n_workers else {}
        measured = min(_run_seconds(path, shared) for _ in range(WHOLE_REPEATS))
        found = phases(run, costs, with_latency(costs, here(max(1, n_workers))))
        said = sum(phase.seconds if n_workers else phase.alone_seconds for phase in found)
        rows.append(_row("reading and levels", WHOLE, str(n_workers or "-"), measured, said))
    return rows


def _run_seconds(path: Path, shared: dict[str, int]) -> float:
    """Return the wall time of those phases of a run that the model has."""
    result = cl2d.classify(str(path), n_classes=CLASSES, threads=1, **shared)
    return sum(result.timings[name] for name in MODELLED)


def run_made(result: Any) -> Run:
    """Return a run to be simulated, with the iterations that a run has made."""
    reports = [report for level in result.levels for report in level.iterations]
    iterations = tuple(
        Iterations(one.n_classes, one.n_images, 1, one.fast, one.sampled) for one in reports
    )
    return Run(WHOLE, BOX_PX, iterations, Placement(), cuts=1, with_averages=False)


def _row(what: str, n_images: int, workers: str, measured: float, said: float) -> Row:
    return {
        "what": what,
        "images": n_images,
        "workers": workers,
        "measured_s": measured,
        "predicted_s": said,
        "measured_over_predicted": measured / said,
        "load": round(os.getloadavg()[0], 1),
    }
