"""Time workers on this machine against one process and against each other, and weigh what travels.

Run with ``python bench/workers.py [--particles 100000]``. The same images are held three times: by
this process, by one worker of one thread, and by two. Each round gives all images their classes in
each of the three, one after another, so that whatever else the machine does meets all of them; the
ratios are of one round, and their medians are printed. Then whole runs in one process and on one
worker take turns, and the bytes of their iterations are set against those that an iteration at
least has to move: the references out, and 16 bytes for the class, the pose and the score of each
image back.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markdown_tables import table

from cl2d.cluster import open_client
from cl2d.cluster.crew import Crew
from cl2d.cluster.engine import ClusterEngine
from cl2d.cluster.job import Job
from cl2d.cluster.reading import read_on_workers
from cl2d.engine import (
    IN_MEMORY,
    ClassicalRule,
    LocalEngine,
    SearchSettings,
    normalised_references,
    simd_level,
)
from cl2d.engine.ingest import ingest
from cl2d.io import open_particles
from cl2d.options import ClusterOptions, PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable

    import distributed

    from cl2d.engine import Engine
    from cl2d.io import ParticleSource
    from cl2d.preprocess import PreprocessPlan

SHIFT_SHARE_OF_BOX = 0.1
LEAST_BYTES_AN_IMAGE = 16
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Round:
    """Seconds that all images take once: in this process, on one worker, on two."""

    here: float
    one: float
    two: float


def engine_here(source: ParticleSource, plan: PreprocessPlan, search: SearchSettings) -> Engine:
    """Return an engine of one thread in this process."""
    found = ingest(source, plan, 1)
    scale = plan.box_px / plan.working_box_px
    return LocalEngine(found.blocks, found.flags == 0, search, scale, 1)


def engine_there(
    client: distributed.Client,
    particles: Path,
    source: ParticleSource,
    plan: PreprocessPlan,
    search: SearchSettings,
) -> Engine:
    """Return an engine on the workers of a client."""
    job = Job(
        name=uuid.uuid4().hex,
        open_source=partial(open_particles, particles),
        fingerprint=source.fingerprint(),
        n_images=source.n_images,
        plan=plan,
        search=search,
        storage=IN_MEMORY,
        simd_level=simd_level(),
    )
    crew = Crew(client, source.n_images)
    facts = read_on_workers(crew, job)
    return ClusterEngine(crew, job, facts.flags == 0, 1)


def seconds_of(task: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def rounds_of(particles: Path, n_classes: int, n_rounds: int) -> tuple[list[Round], bool]:
    """Time the search of all images among classes; tell whether all find the same."""
    source = open_particles(particles)
    plan = plan_preprocessing(source, PreprocessOptions())
    search = SearchSettings(SHIFT_SHARE_OF_BOX * source.box_px)
    with ExitStack() as stack:
        one, two = (stack.enter_context(open_client(ClusterOptions(workers=n), n)) for n in (1, 2))
        engines = [
            engine_here(source, plan, search),
            engine_there(one, particles, source, plan, search),
            engine_there(two, particles, source, plan, search),
        ]
        n = source.n_images
        labels = np.random.default_rng(0).integers(0, n_classes, n).astype(np.int32)
        sums = engines[0].update(labels, identity_poses(n), n_classes)
        references = normalised_references(sums.sums)
        found = [engine.assign(references, ClassicalRule()) for engine in engines]  # and warm up
        same = all(np.array_equal(found[0].scores, other.scores) for other in found[1:])
        rounds = []
        for _ in range(n_rounds):
            times = [
                seconds_of(partial(engine.assign, references, ClassicalRule()))
                for engine in engines
            ]
            rounds.append(Round(*times))
            print(f"here {times[0]:.2f} s, one {times[1]:.2f} s, two {times[2]:.2f} s", flush=True)
    return rounds, same


def whole_runs(
    particles: Path, n_classes: int, n_rounds: int, root: Path
) -> list[tuple[str, Path]]:
    """Classify in one process and on one worker, by turns; return the folders of the runs."""
    words = [sys.executable, "-m", "cl2d", "classify", str(particles), "-k", str(n_classes)]
    folders = []
    for number in range(n_rounds):
        for name, more in (("one process", []), ("one worker", ["--workers", "1"])):
            out = root / f"{name.replace(' ', '_')}_{number}"
            command = [*words, "-o", str(out), "--threads", "1", "--quiet", *more]
            seconds = seconds_of(partial(subprocess.run, command, check=True, env=ENVIRONMENT))
            print(f"{name}: {seconds:.1f} s", flush=True)
            (out / "seconds").write_text(str(seconds))
            folders.append((name, out))
    return folders


def assignment_page(rounds: list[Round], same: bool) -> str:
    """Return what the rounds came to."""
    gains = [one.one / one.two for one in rounds]
    costs = [one.one / one.here for one in rounds]
    rows = [
        [name, f"{statistics.median(values):.3f}", f"{min(values):.3f} to {max(values):.3f}"]
        for name, values in (
            ("two workers are faster than one, times", gains),
            ("one worker takes what one process takes, times", costs),
        )
    ]
    answer = "the same scores from all" if same else "**the scores differ**"
    return table(["all images against all classes", "median", "of rounds"], rows) + answer + "\n"


def run_page(folders: list[tuple[str, Path]]) -> str:
    """Return how long whole runs took."""
    seconds: dict[str, list[float]] = {}
    for name, out in folders:
        seconds.setdefault(name, []).append(float((out / "seconds").read_text()))
    alone = seconds["one process"]
    rows = [
        [
            name,
            " ".join(f"{value:.1f}" for value in values),
            f"{statistics.median(v / a for v, a in zip(values, alone, strict=True)):.3f}",
        ]
        for name, values in seconds.items()
    ]
    return table(["whole run", "seconds", "times that in one process"], rows)


def traffic_page(out: Path) -> str:
    """Return what iterations with each number of classes moved, and what they had to."""
    record = json.loads((out / "run.json").read_text())
    n_images, box = record["input"]["n_images"], record["input"]["box_px"]
    iterations: dict[int, list[int]] = {}
    for cost in record["cluster"]["iterations"]:
        moved = cost["sent_bytes"] + cost["received_bytes"]
        iterations.setdefault(cost["n_classes"], []).append(moved)
    rows = []
    for n_classes, moved in sorted(iterations.items()):
        least = n_classes * box * box * 4 + LEAST_BYTES_AN_IMAGE * n_images
        usual, most = statistics.median(moved), max(moved)
        cells = [n_classes, len(moved), f"{usual / 1e6:.2f}", f"{least / 1e6:.2f}"]
        rows.append([*map(str, cells), f"{usual / least:.2f}", f"{most / least:.2f}"])
    titles = ["classes", "iterations", "MB moved", "K averages + 16 N, MB", "ratio", "largest"]
    return table(titles, rows)


def simulated(root: Path, n_particles: int, box_px: int) -> Path:
    """Write a set of particles and return its table."""
    words = ["simulate", "-n", str(n_particles), "--box-px", str(box_px), "--snr", "0.1"]
    command = [sys.executable, "-m", "cl2d", *words, "-o", str(root / "set"), "--quiet"]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    return root / "set" / "particles.star"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--box-px", type=int, default=64)
    parser.add_argument("--classes", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--run-classes", type=int, default=16, help="of the whole runs")
    parser.add_argument("--runs", type=int, default=3, help="of either kind")
    parser.add_argument("--set", type=Path, help="a table of particles, in place of a simulation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cl2d-workers-") as folder:
        root = Path(folder)
        given = arguments.set
        particles = given or simulated(root, arguments.particles, arguments.box_px)
        pages = [assignment_page(*rounds_of(particles, arguments.classes, arguments.rounds))]
        if arguments.runs:
            folders = whole_runs(particles, arguments.run_classes, arguments.runs, root)
            pages += [run_page(folders), traffic_page(folders[-1][1])]
        print("\n" + "\n".join(pages))
        print(f"load of the machine: {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
