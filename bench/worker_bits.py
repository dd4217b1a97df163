"""Make one run in one process, on workers and under mpirun, and compare all files that they write.

Run with ``python bench/worker_bits.py [--workers 1 2 4] [--processes 3]``. Bytes of every file are
compared with those of the run in one process, but of ``run.json`` and ``report.html``, which tell
of times and of the machine. Of several numbers of workers the last is used twice. Other options
of ``classify`` may follow after ``--``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kills import ENVIRONMENT, OPTIONS, OUT, classify_command, digests, exit_code, simulate
from markdown_tables import table
from worker_kills import differing_files

AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@dataclass(frozen=True)
class Made:
    """A run, and the names of the files that differ from those of one process."""

    how: str
    seconds: float
    n_files: int
    differing: tuple[str, ...]


def has_mpi() -> bool:
    """Tell whether runs can be made under mpirun."""
    return shutil.which("mpirun") is not None and all(map(find_spec, ("mpi4py", "dask_mpi")))


def mpi_command(n_processes: int) -> list[str]:
    """Return the command of the same run under mpirun."""
    words = classify_command("--quiet")
    place = words.index("cl2d")
    module = [*words[:place], "cl2d.mpi", *words[place + 1 :]]
    return ["mpirun", "--oversubscribe", "-np", str(n_processes), *module]


def made(root: Path, how: str, words: list[str], expected: dict[str, str]) -> Made:
    """Make a run and compare its files; those of the first one are kept in ``expected``."""
    folder = root / how.replace(" ", "_")
    folder.mkdir()
    started = time.perf_counter()
    subprocess.run(words, cwd=folder, env=ENVIRONMENT | AS_ROOT, check=True)
    seconds = time.perf_counter() - started
    found = digests(folder / OUT)
    if not expected:
        expected.update(found)
    differing = differing_files(found, expected)
    print(f"{how}: {seconds:.1f} s, {len(differing)} files differ", flush=True)
    return Made(how, seconds, len(found), differing)


def all_made(root: Path, workers: list[int], n_processes: int) -> list[Made]:
    """Make the run in each way."""
    ways = [("one process", classify_command("--quiet"))]
    for n in workers:
        ways.append((f"workers {n}", classify_command("--quiet", "--workers", str(n))))
    if len(workers) > 1:
        how, words = ways[-1]
        ways.append((f"{how} again", words))
    if n_processes and has_mpi():
        ways.append((f"mpirun {n_processes}", mpi_command(n_processes)))
    expected: dict[str, str] = {}
    return [made(root, how, words, expected) for how, words in ways]


def page(runs: list[Made]) -> str:
    """Return the runs as a table in Markdown."""
    rows = [
        [run.how, f"{run.seconds:.1f}", str(run.n_files), ", ".join(run.differing) or "none"]
        for run in runs
    ]
    return table(["run", "seconds", "files", "that differ"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--processes", type=int, default=3, help="of mpirun; 0 leaves it out")
    parser.add_argument("--particles", type=int, default=20000)
    parser.add_argument("--box-px", type=int, default=48)
    parser.add_argument("--classes", default="16")
    parser.add_argument("--raw", action="store_true", help="particles with a CTF, not corrected")
    parser.add_argument("more", nargs="*", help="other options of classify")
    arguments = parser.parse_args()
    OPTIONS.extend(["-k", arguments.classes, *arguments.more])
    root = Path(tempfile.mkdtemp(prefix="cl2d-worker-bits-"))
    ctf = ("--ctf", "raw") if arguments.raw else ()
    simulate(root, arguments.particles, arguments.box_px, *ctf)
    runs = all_made(root, arguments.workers, arguments.processes)
    print(page(runs))
    if arguments.processes and not has_mpi():
        print("mpirun, mpi4py or dask-mpi is missing")
    same = sum(not run.differing for run in runs)
    print(f"{same} of {len(runs)} identical")
    return exit_code(root, wrong=same < len(runs))


if __name__ == "__main__":
    sys.exit(main())
