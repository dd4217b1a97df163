"""A whole run on simulated workers: its passes, how long they take, and what they wait for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scaling_costs import free_of
from scaling_passes import Work, pass_seconds, spread_over, tasks_of

from cl2d.cluster.group_work import batches
from cl2d.engine import BLOCK_IMAGES
from cl2d.levels import level_schedule
from cl2d.levels.sampled import ITERATIONS_OF_ALL, sample_size
from cl2d.levels.schedule import most_iterations
from cl2d.options import LevelOptions
from cl2d.preprocess import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scaling_costs import Cluster, ClusterCosts, Costs, GridCosts

SAMPLE_MEMBERS = 1000
CUTS = 2
"""Of each class of a level: for the next one, and as much for its cores."""
JUDGINGS = 3
"""Of each class of the last level, before exchanges and settling."""
FLAG_BYTES = 1
STATISTIC_BYTES = 4
WAITS = (
    *("Dask's tasks", "messages packed", "level loop"),
    *("network", "latency", "reading"),
)


@dataclass(frozen=True)
class Placement:
    """What the process that runs the program does by itself, and how members are collected.

    Attributes
    ----------
    sample_here
        Whether iterations on a sample are done by the process itself, on its threads.
    averages_here
        Whether it adds up the delivered averages.
    """

    sample_here: bool = False
    averages_here: bool = False


@dataclass(frozen=True)
class Iterations:
    """Iterations of one level that look at as many images."""

    n_classes: int
    n_images: int
    times: int
    fast: bool
    sampled: bool = False


@dataclass(frozen=True)
class Run:
    """A run to be simulated; ``client_threads`` are those of the process that runs the program."""

    n_images: int
    box_px: int
    iterations: tuple[Iterations, ...]
    placement: Placement = Placement()
    client_threads: int = 1
    cuts: int = CUTS
    with_averages: bool = True

    @property
    def level_classes(self) -> list[int]:
        """The number of classes of each level."""
        return list(dict.fromkeys(some.n_classes for some in self.iterations))


def default_run(
    n_images: int, box_px: int, n_classes: int = 64, placement: Placement = Placement()
) -> Run:
    """Return a run with default options and every iteration that these allow.

    The first iteration of all and the last are exhaustive, the others fast searches.
    """
    options, found = LevelOptions(), []
    schedule = level_schedule(options.initial_classes, n_classes)
    for level_classes in schedule:
        last = level_classes == schedule[-1]
        most = most_iterations(options.iterations, last=last) * (1 + last)
        looked_at = sample_size(n_images, level_classes, options.images_per_class)
        sampled = looked_at < n_images
        closing = ITERATIONS_OF_ALL if sampled else 0
        if level_classes == schedule[0]:
            found.append(Iterations(level_classes, looked_at, 1, False, sampled))
            most -= 1
        found.append(Iterations(level_classes, looked_at, most, True, sampled))
        if closing:
            found.append(Iterations(level_classes, n_images, closing, True))
    found.append(Iterations(n_classes, n_images, 1, False))
    return Run(n_images, box_px, tuple(found), placement)


@dataclass(frozen=True)
class Phase:
    """Something that a run does, and its wall time; ``alone_seconds`` on one thread, no workers."""

    name: str
    seconds: float
    alone_seconds: float
    formula_seconds: float


def assign_work(grid: GridCosts, costs: ClusterCosts, some: Iterations) -> Work:
    """Return the search of an iteration; messages of both passes of it count here."""
    return Work(
        block_seconds=grid.assign_seconds(some.n_classes, fast=some.fast),
        shared_bytes=some.n_classes * grid.class_bytes,
        out_bytes=costs.sent_bytes_per_image / 2,
        back_bytes=costs.received_bytes_per_image,
        task_bytes=costs.sent_bytes_per_task,
        pack_seconds=costs.pack_seconds,
    )


def update_work(grid: GridCosts, costs: ClusterCosts, some: Iterations) -> Work:
    """Return the sums of classes of an iteration."""
    return Work(
        block_seconds=grid.sum_seconds,
        out_bytes=costs.sent_bytes_per_image / 2,
        task_bytes=costs.sent_bytes_per_task,
        node_bytes=some.n_classes * grid.sum_bytes,
    )


def phases(run: Run, costs: Costs, cluster: Cluster) -> list[Phase]:
    """Return what a run does on a cluster, in order."""
    grid = costs.grid(run.box_px)
    found = [_reading(run, grid, costs.cluster, cluster)]
    found += [
        _iterations(run, some, grid, costs.cluster, cluster)
        for some in run.iterations
        if some.times > 0
    ]
    found.append(_groups(run, grid, costs.cluster, cluster))
    if run.with_averages:
        found.append(_averages(run, grid, costs.cluster, cluster))
    return found


def _reading(run: Run, grid: GridCosts, costs: ClusterCosts, cluster: Cluster) -> Phase:
    told = FLAG_BYTES + STATISTIC_BYTES * len(STATISTICS)
    work = Work(
        grid.read_seconds,
        file_bytes=grid.image_bytes,
        back_bytes=told,
        task_bytes=costs.sent_bytes_per_task,
    )
    spread = spread_over(run.n_images, cluster.n_workers)
    alone = grid.read_seconds * run.n_images / BLOCK_IMAGES
    formula = _formula([work], run.n_images, costs, cluster)
    return Phase("reading", pass_seconds(work, spread, costs, cluster), alone, formula)


def _iterations(
    run: Run, some: Iterations, grid: GridCosts, costs: ClusterCosts, cluster: Cluster
) -> Phase:
    """Return the iterations of a level that look at all images, or at a sample of them."""
    seconds = grid.assign_seconds(some.n_classes, fast=some.fast) + grid.sum_seconds
    computed = seconds * some.n_images / BLOCK_IMAGES
    loop = costs.image_seconds * some.n_images + costs.class_seconds * some.n_classes
    alone = computed + loop
    few = some.n_images <= BLOCK_IMAGES
    if some.sampled and (few or run.placement.sample_here):
        moved = some.n_images * grid.coefficient_bytes
        collected = moved / cluster.network_bytes_per_second + moved * costs.byte_seconds
        here = some.times * (computed / run.client_threads + loop) + collected
        return Phase("sample, in this process", here, some.times * alone, here)
    works = [work(grid, costs, some) for work in (assign_work, update_work)]
    spread = spread_over(some.n_images, cluster.n_workers)  # a sample has parts of its own
    wall = sum(pass_seconds(work, spread, costs, cluster) for work in works) + loop
    formula = _formula(works, some.n_images, costs, cluster) + loop
    name = "iterations, sample" if some.sampled else "iterations, all images"
    return Phase(name, some.times * wall, some.times * alone, some.times * formula)


def _groups(run: Run, grid: GridCosts, costs: ClusterCosts, cluster: Cluster) -> Phase:
    """Return what is done with classes one by one: a sample of each is collected on a worker."""
    classes = run.level_classes
    n_cut, n_judged = run.cuts * sum(classes), JUDGINGS * classes[-1]
    computed = n_cut * grid.cut_seconds + n_judged * grid.judge_seconds
    n_members = min(SAMPLE_MEMBERS, max(1, run.n_images // classes[-1]))
    asked = [(k, run.cuts) for k in classes] + [(classes[-1], JUDGINGS)]
    n_of = {k: len(batches([None] * k, cluster.n_workers)) for k in classes}
    n_batches = sum(times * n_of[k] for k, times in asked)
    per_batch = (n_cut + n_judged) / n_batches
    n_tasks = 1 + min(_holders(run, cluster), per_batch * n_members)
    here = n_batches * n_tasks * costs.task_seconds
    moved = per_batch * n_members * grid.coefficient_bytes / cluster.network_bytes_per_second
    one = computed / n_batches / cluster.threads_each + moved + 4 * cluster.latency_seconds
    there = one * sum(times * math.ceil(n_of[k] / cluster.n_workers) for k, times in asked)
    return Phase("classes one by one", max(here, there), computed, here + there)


def _holders(run: Run, cluster: Cluster) -> int:
    """Return the workers that hold images: each gives all that a batch wants of them at once."""
    return len(set(spread_over(run.n_images, cluster.n_workers).workers))


def _averages(run: Run, grid: GridCosts, costs: ClusterCosts, cluster: Cluster) -> Phase:
    """Return the delivered averages: images are read again and moved once for each level."""
    classes = run.level_classes
    seconds = grid.average_seconds * len(classes)
    alone = seconds * run.n_images / BLOCK_IMAGES
    if run.placement.averages_here:
        bandwidth = min(cluster.files_bytes_per_second, cluster.network_bytes_per_second)
        wall = max(alone / run.client_threads, run.n_images * grid.image_bytes / bandwidth)
        return Phase("averages, in this process", wall, alone, wall)
    work = Work(
        seconds,
        file_bytes=grid.image_bytes,
        out_bytes=costs.sent_bytes_per_image / 2 * len(classes),
        task_bytes=costs.sent_bytes_per_task,
        node_bytes=8 * run.box_px**2 * sum(classes),
    )
    spread = spread_over(run.n_images, cluster.n_workers)
    wall = pass_seconds(work, spread, costs, cluster)
    return Phase("averages", wall, alone, _formula([work], run.n_images, costs, cluster))


def _formula(works: Sequence[Work], n_images: int, costs: ClusterCosts, cluster: Cluster) -> float:
    """Return the sum of what a pass takes, as if nothing were done at a time with anything else."""
    spread = spread_over(n_images, cluster.n_workers)
    busy = min(cluster.n_workers, len(spread.parts))
    total = 0.0
    for work in works:
        n_tasks = len(tasks_of(spread, merged=work.node_bytes > 0))
        n_bytes = (work.out_bytes + work.back_bytes) * n_images + work.shared_bytes
        n_bytes += work.node_bytes + work.task_bytes * n_tasks
        total += work.block_seconds * n_images / BLOCK_IMAGES / busy / cluster.threads_each
        total += work.pack_seconds * n_images
        total += n_tasks * costs.task_seconds + n_bytes * costs.byte_seconds
        total += n_bytes / cluster.network_bytes_per_second
        total += n_images * work.file_bytes / cluster.files_bytes_per_second
        total += 2 * cluster.latency_seconds * (1 + math.log2(cluster.n_workers))
    return total


@dataclass(frozen=True)
class Outcome:
    """How a run went on a cluster; efficiency is of the threads of all workers."""

    n_images: int
    n_workers: int
    seconds: float
    formula_seconds: float
    speed_up: float
    efficiency: float
    waits_for: str


def outcome(run: Run, costs: Costs, cluster: Cluster) -> Outcome:
    """Return how a run goes on a cluster, and what it waits for most."""
    found = phases(run, costs, cluster)
    wall = sum(phase.seconds for phase in found)
    alone = sum(phase.alone_seconds for phase in found)
    waits = gains(run, costs, cluster)
    return Outcome(
        n_images=run.n_images,
        n_workers=cluster.n_workers,
        seconds=wall,
        formula_seconds=sum(phase.formula_seconds for phase in found),
        speed_up=alone / wall,
        efficiency=alone / wall / (cluster.n_workers * cluster.threads_each),
        waits_for=max(waits, key=lambda name: waits[name]),
    )


def gains(run: Run, costs: Costs, cluster: Cluster) -> dict[str, float]:
    """Return the seconds that a run would save if each thing in turn cost nothing."""
    wall = total_seconds(run, costs, cluster)
    found = {}
    for what in WAITS:
        of_client, elsewhere = free_of(what, costs.cluster, cluster)
        found[what] = wall - total_seconds(run, replace(costs, cluster=of_client), elsewhere)
    spread = replace(run, placement=Placement(False, False))
    found["this process alone"] = wall - total_seconds(spread, costs, cluster)
    quick = replace(cluster, threads_each=10**9)
    found["computing"] = wall - total_seconds(run, costs, quick)
    return found


def total_seconds(run: Run, costs: Costs, cluster: Cluster) -> float:
    """Return the wall time of a run."""
    return sum(phase.seconds for phase in phases(run, costs, cluster))


def workers_of_half(run: Run, costs: Costs, cluster: Cluster, most: int = 4096) -> int:
    """Return the most workers with which a run is half as fast, at least, as they could make it.

    Parameters
    ----------
    cluster : all of it but the number of workers
    most : int
        More are not tried.
    """
    low, high = 1, 2
    while high <= most and efficiency(run, costs, replace(cluster, n_workers=high)) >= 0.5:
        low, high = high, 2 * high
    if high > most:
        return most
    while high - low > max(1, low // 16):
        middle = (low + high) // 2
        if efficiency(run, costs, replace(cluster, n_workers=middle)) >= 0.5:
            low = middle
        else:
            high = middle
    return low


def efficiency(run: Run, costs: Costs, cluster: Cluster) -> float:
    """Return the speed-up over one thread, for each thread of the workers."""
    found = phases(run, costs, cluster)
    alone = sum(phase.alone_seconds for phase in found)
    threads = cluster.n_workers * cluster.threads_each
    return alone / sum(phase.seconds for phase in found) / threads


def memory_bytes(run: Run, costs: Costs, cluster: Cluster) -> tuple[float, float]:
    """Return the memory of the process that runs the program, and of the fullest worker."""
    grid, classes = costs.grid(run.box_px), run.level_classes
    averages = 2 * 8 * run.box_px**2 * sum(classes)
    here = costs.cluster.client_bytes_per_image * run.n_images + averages
    if run.placement.sample_here:
        sampled = max((some.n_images for some in run.iterations if some.sampled), default=0)
        here += sampled * grid.coefficient_bytes
    spread = spread_over(run.n_images, cluster.n_workers)
    held: dict[int, int] = {}
    for worker, part in zip(spread.workers, spread.parts, strict=True):
        held[worker] = held.get(worker, 0) + part.n_images
    sums = (max(spread.nodes) + 1) * classes[-1] * grid.sum_bytes
    shifted = classes[-1] * grid.class_bytes
    return here, max(held.values()) * grid.coefficient_bytes + sums + shifted
