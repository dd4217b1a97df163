"""What workers cost the process that has them: messages are those of a run, counted and timed."""

from __future__ import annotations

import time
import tracemalloc
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scaling_costs import ClusterCosts
from scaling_loop import EnoughError, image_seconds

import cl2d
from cl2d.cluster.crew import Arguments, Crew
from cl2d.cluster.engine import ClusterEngine
from cl2d.cluster.job import Job
from cl2d.cluster.parts import parts_of
from cl2d.cluster.reading import read_on_workers
from cl2d.cluster.sealed import sealed, unsealed
from cl2d.engine import BLOCK_IMAGES, SearchSettings
from cl2d.engine.storage import IN_MEMORY
from cl2d.io import open_particles, write_stack
from cl2d.levels import run_levels
from cl2d.levels.start import random_references
from cl2d.options import LevelOptions, PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.results import IterationReport
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Client

    from cl2d.engine import Engine

BOX_PX = 32
PIXEL_ANGSTROM = 8.0
DIFFERENT_IMAGES = BLOCK_IMAGES
FEW_IMAGES, MANY_IMAGES = 4 * BLOCK_IMAGES, 16 * BLOCK_IMAGES
FEW_CLASSES, MANY_CLASSES = 32, 64
"""Enough for the search to be fast: only then are the last poses sent, too."""
ITERATIONS, LEFT_OUT = 7, 2
"""Iterations that are made, and the first of them, in which more changes than in others."""
EMPTY_TASKS, PASSES = 200, 5
ALONE = 25
LARGE_BYTES = 1 << 26
ROLL_CALLS = 50


@dataclass(frozen=True)
class Watched:
    """One iteration: wall time, processor time of this process, bytes, and roll calls."""

    seconds: float
    cpu_seconds: float
    sent_bytes: int
    received_bytes: int
    roll_calls: int


class Watch:
    """Counts what passes between the reports of iterations."""

    def __init__(self, crew: Any, calls: list[int]) -> None:
        self._crew = crew
        self._calls = calls
        self._before = self._now()
        self.found: list[Watched] = []

    def _now(self) -> tuple[float, float, int, int, int]:
        counts = self._crew.account
        clock = time.perf_counter(), time.process_time()
        return (*clock, counts.sent_bytes, counts.received_bytes, sum(self._calls))

    def __call__(self, event: object) -> None:
        """Take note of the end of an iteration; raise once there have been enough."""
        if not isinstance(event, IterationReport):
            return
        now = self._now()
        self.found.append(Watched(*(b - a for a, b in zip(self._before, now, strict=True))))
        self._before = now
        if len(self.found) == ITERATIONS:
            raise EnoughError


def least(found: list[Watched], name: str) -> float:
    """Return the least of the iterations: load adds time, and first iterations say more."""
    return float(min(getattr(one, name) for one in found[LEFT_OUT:]))


@contextmanager
def counted_roll_calls(client: Client) -> Iterator[list[int]]:
    """Count how often the scheduler is asked for its workers."""
    calls: list[int] = []
    ask = client.scheduler_info

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        return ask(*arguments, **options)

    client.scheduler_info = counted
    try:
        yield calls
    finally:
        client.scheduler_info = ask


def write_particles(folder: Path, n_images: int, box_px: int = BOX_PX) -> Path:
    """Write simulated images, the same block of them again and again."""
    options = SimulationOptions(
        n_particles=DIFFERENT_IMAGES, box_px=box_px, pixel_size_angstrom=256 / box_px
    )
    images = simulate_particles(options).images
    path = folder / f"particles_{n_images}_{box_px}.mrcs"
    write_stack(path, np.resize(images, (n_images, box_px, box_px)), 256 / box_px)
    return path


class OnWorkers:
    """An engine whose images are on the workers of a cluster."""

    def __init__(self, client: Client, path: Path) -> None:
        source = open_particles(path)
        plan = plan_preprocessing(source, PreprocessOptions())
        self.job = Job(
            name=f"scaling-{time.monotonic_ns()}",
            open_source=partial(open_particles, path),
            fingerprint=source.fingerprint(),
            n_images=source.n_images,
            plan=plan,
            search=SearchSettings(max_shift_px=0.1 * source.box_px),
            storage=IN_MEMORY,
            simd_level=str(cl2d.build_info()["simd_level"]),
        )
        self.client = client
        self.crew = Crew(client, source.n_images)
        facts = read_on_workers(self.crew, self.job)
        self.engine = ClusterEngine(self.crew, self.job, facts.flags == 0, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        from cl2d.cluster.held import forget

        self.client.run(forget, self.job.name)


def watched_iterations(engine: Engine, crew: Crew, n_classes: int) -> list[Watched]:
    """Make some iterations as a run does, and return what each took."""
    options = LevelOptions(
        classes=n_classes,
        initial_classes=n_classes,
        images_per_class=0,
        min_change_percent=0,
    )
    # Classes that begin as somebody's views are not refilled, which is work on single classes.
    views = random_references(engine, n_classes, np.random.default_rng(0))
    with counted_roll_calls(crew.client) as calls:
        watch = Watch(crew, calls)
        try:
            run_levels(engine, options, watch, references=views, fast=True)
        except EnoughError:
            return watch.found
    message = f"there must be {ITERATIONS} iterations, not {len(watch.found)}"
    raise RuntimeError(message)


def cluster_costs(client: Client, folder: Path) -> ClusterCosts:
    """Measure what one worker of one thread costs this process."""
    byte_seconds, merge_byte_seconds = _byte_seconds(client)
    task_seconds, round_trip_seconds = _task_seconds(client)
    few_path, many_path = (write_particles(folder, n) for n in (FEW_IMAGES, MANY_IMAGES))
    with OnWorkers(client, few_path) as few:
        first = watched_iterations(few.engine, few.crew, FEW_CLASSES)
        third = watched_iterations(few.engine, few.crew, MANY_CLASSES)
        few_bytes = _peak_bytes(few)
    with OnWorkers(client, many_path) as many:
        second = watched_iterations(many.engine, many.crew, FEW_CLASSES)
        many_bytes = _peak_bytes(many)
        n_parts = len(many.crew.parts)
    per_image = {name: _slope(first, second, name) for name in ("sent_bytes", "received_bytes")}
    cpu = max(0.0, _slope(first, second, "cpu_seconds"))
    of_levels = image_seconds()
    of_bytes = sum(per_image.values()) * byte_seconds
    more_classes = MANY_CLASSES - FEW_CLASSES
    by_class = (least(third, "cpu_seconds") - least(first, "cpu_seconds")) / more_classes
    sent_by_class = (least(third, "sent_bytes") - least(first, "sent_bytes")) / more_classes
    of_tasks = least(second, "sent_bytes") - per_image["sent_bytes"] * MANY_IMAGES
    of_tasks -= max(0.0, sent_by_class) * FEW_CLASSES
    return ClusterCosts(
        task_seconds=task_seconds,
        round_trip_seconds=round_trip_seconds,
        roll_call_seconds=_roll_call_seconds(client),
        roll_calls=least(second, "roll_calls"),
        byte_seconds=byte_seconds,
        merge_byte_seconds=merge_byte_seconds,
        sent_bytes_per_image=max(0.0, per_image["sent_bytes"]),
        received_bytes_per_image=max(0.0, per_image["received_bytes"]),
        sent_bytes_per_task=max(0.0, of_tasks) / (n_parts + 1),  # sums are one task
        image_seconds=of_levels,
        pack_seconds=max(0.0, cpu - of_bytes - of_levels),
        class_seconds=max(0.0, by_class),
        client_bytes_per_image=(many_bytes - few_bytes) / (MANY_IMAGES - FEW_IMAGES),
    )


def _slope(few: list[Watched], many: list[Watched], name: str) -> float:
    return (least(many, name) - least(few, name)) / (MANY_IMAGES - FEW_IMAGES)


def _peak_bytes(on_workers: OnWorkers) -> int:
    """Return the memory that iterations take in this process."""
    tracemalloc.start()
    watched_iterations(on_workers.engine, on_workers.crew, FEW_CLASSES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def nothing(*_: object) -> None:
    """Do nothing, on a worker."""


def _task_seconds(client: Client) -> tuple[float, float]:
    """Return the processor time of a task that does nothing, and the wall time of one alone."""
    crew = Crew(client, EMPTY_TASKS * BLOCK_IMAGES)
    worker = crew.workers()[0]
    crew.parts = parts_of(EMPTY_TASKS * BLOCK_IMAGES, EMPTY_TASKS)
    crew.owners = dict.fromkeys(crew.parts, worker)

    def arguments(*_: object) -> Arguments:
        return Arguments(())

    list(crew.for_each_part(nothing, arguments))
    started = time.process_time()
    for _ in range(PASSES):
        list(crew.for_each_part(nothing, arguments))
    each = (time.process_time() - started) / (PASSES * len(crew.parts))
    alone = []
    for _ in range(ALONE):
        begun = time.perf_counter()
        crew.call(nothing, ()).result()
        alone.append(time.perf_counter() - begun)
    return each, float(np.median(alone))


def _roll_call_seconds(client: Client) -> float:
    """Return the processor time of asking for the workers, for each that there is."""
    n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
    started = time.process_time()
    for _ in range(ROLL_CALLS):
        client.scheduler_info(n_workers=-1)
    return (time.process_time() - started) / ROLL_CALLS / n_workers


def _byte_seconds(client: Client) -> tuple[float, float]:
    """Return the time of a byte that goes to a worker and of one that workers add up.

    A large array goes out and comes back; half of the time is that of one way.
    """
    large = np.zeros(LARGE_BYTES // 8)
    warnings.filterwarnings("ignore", "Sending large graph")
    client.submit(len, sealed(large), pure=False).result()
    started = time.process_time()
    unsealed(client.submit(bytes, sealed(large), pure=False).result())
    each = (time.process_time() - started) / (2 * LARGE_BYTES)
    started = time.process_time()
    unsealed(sealed(large)).__iadd__(large)
    return each, (time.process_time() - started) / LARGE_BYTES
