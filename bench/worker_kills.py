"""Kill workers of runs at random moments, and compare all files with those of a run without any.

Run with ``python bench/worker_kills.py [--runs 10]``. Each run is shared among workers on this
machine, of which two or three are killed (SIGKILL) at moments drawn from the time that such a run
takes. A kill counts once the worker is gone. Bytes of every file are compared with those of a run
in one process, but of ``run.json`` and ``report.html``, which tell of times and of the machine. A
run that fails, or takes ten times as long as without kills, counts as one that differs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kills import (
    ENVIRONMENT,
    OPTIONS,
    OUT,
    classify_command,
    digests,
    exit_code,
    simulate,
    whole_run,
)
from markdown_tables import table

OF_THE_MACHINE = {"run.json", "report.html"}
MOMENTS = (0.1, 0.9)
"""Of the time of a run on workers that nobody kills."""
WORKER = b"distributed.cli.dask_worker"
SECONDS_BETWEEN_LOOKS = 0.02
SECONDS_TO_DIE = 10.0
MOST_TIMES_LONGER = 10.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class WorkersRun:
    """What became of a run: what is not as it should be, and what it wrote beside its files."""

    n_kills: int
    seconds: float
    differing: tuple[str, ...]
    said: str

    @property
    def n_tracebacks(self) -> int:
        """How many errors were printed that the run has got over."""
        return self.said.count("Traceback (most recent call last)")


def workers_of(parent: int) -> list[int]:
    """Return the processes of Dask workers that another process has started."""
    found = []
    for thread in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # something has just ended
            for word in thread.read_text().split():
                if WORKER in Path(f"/proc/{word}/cmdline").read_bytes():
                    found.append(int(word))
    return found


def kill_worker(process: subprocess.Popen[bytes], chance: random.Random) -> bool:
    """Kill one of the workers of a run; tell whether one is gone by that."""
    workers: list[int] = []
    while not workers:
        if process.poll() is not None:
            return False
        workers = workers_of(process.pid)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    worker = chance.choice(workers)
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:
        return False
    end = time.monotonic() + SECONDS_TO_DIE
    while worker in workers_of(process.pid):
        if time.monotonic() > end:
            message = f"the worker {worker} must end by SIGKILL, but it is still there"
            raise RuntimeError(message)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for a run; tell whether it has ended by then."""
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def run_on_workers(
    folder: Path, n_workers: int, moments: list[float], chance: random.Random, most_seconds: float
) -> WorkersRun:
    """Make a run whose workers are killed; nothing is compared yet."""
    folder.mkdir()
    log = folder / "log.txt"
    words = classify_command("--quiet", "--workers", str(n_workers))
    started, n_kills, came_to = time.perf_counter(), 0, ""
    with log.open("wb") as stream:
        process = subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stderr=stream)
        for moment in sorted(moments):
            if not ended(process, started + moment - time.perf_counter()):
                n_kills += kill_worker(process, chance)
        if not ended(process, started + most_seconds - time.perf_counter()):
            process.kill()
            process.wait()
            came_to = "it did not end"
        elif process.returncode != 0:
            came_to = f"it failed: exit code {process.returncode}"
    seconds, said = time.perf_counter() - started, log.read_text(errors="replace")
    return WorkersRun(n_kills, seconds, (came_to,) if came_to else (), said)


def compared(run: WorkersRun, folder: Path, expected: dict[str, str]) -> WorkersRun:
    """Return a run with the names of files that it has otherwise than it should, or not at all."""
    if run.differing:
        return run
    return replace(run, differing=differing_files(digests(folder / OUT), expected))


def differing_files(found: dict[str, str], expected: dict[str, str]) -> tuple[str, ...]:
    """Return the files, by their digests, that are others than they should be."""
    names = sorted(expected.keys() | found.keys())
    compared = [name for name in names if Path(name).name not in OF_THE_MACHINE]
    return tuple(name for name in compared if expected.get(name) != found.get(name))


def killed_runs(
    root: Path, n_runs: int, n_workers: int, expected: dict[str, str], seed: int
) -> list[WorkersRun]:
    """Make runs of which two or three workers are killed, and compare each."""
    chance = random.Random(seed)
    folder = root / "no_kills"
    undisturbed = run_on_workers(folder, n_workers, [], chance, LONGEST_SECONDS)
    runs = [compared(undisturbed, folder, expected)]
    seconds = undisturbed.seconds
    for number in range(1, n_runs + 1):
        folder = root / f"kills_{number:02d}"
        moments = [chance.uniform(*MOMENTS) * seconds for _ in range(chance.choice((2, 3)))]
        run = run_on_workers(folder, n_workers, moments, chance, MOST_TIMES_LONGER * seconds)
        runs.append(compared(run, folder, expected))
        print(f"{folder.name}: {run.n_kills} kills, {run.seconds:.1f} s", flush=True)
        if not runs[-1].differing:
            shutil.rmtree(folder / OUT)
    return runs


def page(runs: list[WorkersRun]) -> str:
    """Return the runs as a table in Markdown."""
    rows = [
        [
            str(number),
            str(run.n_kills),
            f"{run.seconds:.1f}",
            ", ".join(run.differing) or "same",
            str(run.n_tracebacks),
        ]
        for number, run in enumerate(runs)
    ]
    return table(["run", "kills", "seconds", "files", "tracebacks"], rows)


def summary(runs: list[WorkersRun]) -> str:
    """Return the last lines: errors that were printed, and what the runs came to."""
    loud = sum(run.n_tracebacks > 0 for run in runs)
    same = sum(not run.differing for run in runs)
    kills = sum(run.n_kills for run in runs)
    return (
        f"{loud} of {len(runs)} printed a traceback\n{same} of {len(runs)} identical, {kills} kills"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--particles", type=int, default=9500)
    parser.add_argument("--box-px", type=int, default=48)
    parser.add_argument("--classes", default="16")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    OPTIONS.extend(["-k", arguments.classes])
    root = Path(tempfile.mkdtemp(prefix="cl2d-worker-kills-"))
    simulate(root, arguments.particles, arguments.box_px)
    expected, seconds = whole_run(root / "one_process")
    print(f"in one process: {len(expected)} files in {seconds:.1f} s", flush=True)
    runs = killed_runs(root, arguments.runs, arguments.workers, expected, arguments.seed)
    print(page(runs))
    print(summary(runs[1:]))
    missed = any(run.n_kills == 0 for run in runs[1:])
    wrong = missed or any(run.differing or run.n_tracebacks for run in runs)
    return exit_code(root, wrong=wrong)


if __name__ == "__main__":
    sys.exit(main())
