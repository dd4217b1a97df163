"""CPU time and peak memory of reading and writing particle tables, against starfile and gemmi.

Run with ``python bench/star_tables.py [ROWS ...]`` (default 200000 1000000). Every measurement is
a process of its own, so that peak memory is that of one job, without what the imports take. CPU
time, because wall time depends on what else the machine does. "Read" ends with the image names as
a list of str and the defoci as an array of float64, the least any caller needs. "Write" puts out
the 12 columns read, and, for cl2d, also what a run adds: 8 float and 3 integer columns.

Goal: a million rows read and written within 5 s each, below 1 GB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gemmi
import numpy as np
import starfile

from cl2d.io import (
    array_source,
    open_particles,
    read_particle_table,
    read_star,
    write_particles_star,
    write_stack,
    write_star,
)

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = [
    "rlnImageName",
    "rlnMicrographName",
    "rlnCoordinateX",
    "rlnCoordinateY",
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnDefocusAngle",
    "rlnPhaseShift",
    "rlnCtfBfactor",
    "rlnOpticsGroup",
    "rlnGroupNumber",
    "rlnClassNumber",
]
PER_STACK = 300
BOX_PX = 8


def make_table(path: Path, n_rows: int) -> None:
    """Write a table in RELION's layout, 170 bytes a row."""
    numbers = np.random.default_rng(0).random((n_rows, 7)) * 10000
    labels = "".join(f"_{name} #{k} \n" for k, name in enumerate(COLUMNS, 1))
    with path.open("w") as file:
        file.write(f"\n# version 30001\n\ndata_particles\n\nloop_ \n{labels}")
        for row, values in enumerate(numbers.tolist()):
            stack = row // PER_STACK
            file.write(
                f"{row % PER_STACK + 1:06d}@Extract/job012/Movies/mic_{stack:06d}.mrcs "
                f"MotionCorr/job002/Movies/mic_{stack:06d}.mrc "
                + " ".join(f"{value:12.6f}" for value in values)
                + f" {1:12d} {stack:12d} {row % 50:12d} \n"
            )


def starfile_read(path: Path) -> Callable[[Path], object]:
    frame = starfile.read(path)
    frame["rlnImageName"].tolist()
    frame["rlnDefocusU"].to_numpy()
    return lambda out: starfile.write({"particles": frame}, out)


def gemmi_read(path: Path) -> Callable[[Path], object]:
    document = gemmi.cif.read(str(path))
    block = document.sole_block()
    list(block.find_loop("_rlnImageName"))
    np.array(block.find_loop("_rlnDefocusU"), dtype=np.float64)
    return lambda out: document.write_file(str(out))


def cl2d_read(path: Path) -> Callable[[Path], object]:
    blocks = read_star(path)
    blocks["particles"].text("rlnImageName")
    blocks["particles"].numbers("rlnDefocusU")
    return lambda out: write_star(out, blocks)


def cl2d_run_read(path: Path) -> Callable[[Path], object]:
    table = read_particle_table(path)
    table.text("rlnImageName")
    table.numbers("rlnDefocusU")
    rng = np.random.default_rng(1)
    new: dict[str, np.ndarray] = {f"cl2dFloat{k}": rng.normal(size=table.n_rows) for k in range(8)}
    new |= {f"cl2dInteger{k}": rng.integers(0, 99, table.n_rows) for k in range(3)}
    source = array_source(np.zeros((1, BOX_PX, BOX_PX)), 1.0)
    return lambda out: write_particles_star(out, table, new, source=source)


def cl2d_open_read(path: Path) -> Callable[[Path], object]:
    """Open a table with its stacks; in place of writing, read all the pixels."""
    source = open_particles(path)

    def read_all(_: Path) -> None:
        for start in range(0, source.n_images, 1024):
            source.read(start, min(start + 1024, source.n_images))

    return read_all


JOBS = {
    "starfile": starfile_read,
    "gemmi": gemmi_read,
    "cl2d": cl2d_read,
    "cl2d + 11 columns": cl2d_run_read,
    "open": cl2d_open_read,
}


def peak_mb() -> float:
    """Return the peak memory of this process.

    Not getrusage, whose figure for a child starts at the memory of the parent.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


def measure(job: str, path: Path) -> None:
    """Do one job in this process and print its figures as JSON."""
    before_mb = peak_mb()
    start = time.process_time()
    write = JOBS[job](path)
    read_s = time.process_time() - start
    read_mb = peak_mb() - before_mb
    start = time.process_time()
    write(path.with_name("out.star"))
    write_s = time.process_time() - start
    print(json.dumps([read_s, read_mb, write_s, peak_mb() - before_mb]))


def figures(job: str, path: Path, repeats: int = 3) -> str:
    """Return the best times and the largest memory of a few processes, as a table row."""
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--job", job, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout))
    read_s, _, write_s, _ = np.min(runs, axis=0)
    _, read_mb, _, all_mb = np.max(runs, axis=0)
    return f"{read_s:8.2f} {read_mb:8.0f} {write_s:8.2f} {all_mb:8.0f}"


def many_stacks(folder: Path, n_files: int = 5000, per_file: int = 20) -> Path:
    """Write many small stacks and a table that names all their images."""
    (folder / "stacks").mkdir()
    for k in range(n_files):
        images = np.zeros((per_file, BOX_PX, BOX_PX), np.float32)
        write_stack(folder / "stacks" / f"{k}.mrcs", images, 1.0)
    rows = "".join(
        f"{i + 1:06d}@stacks/{k}.mrcs\n" for k in range(n_files) for i in range(per_file)
    )
    path = folder / "many.star"
    path.write_text(f"data_particles\n\nloop_\n_rlnImageName #1\n{rows}")
    return path


def main() -> None:
    if sys.argv[1:2] == ["--job"]:
        measure(sys.argv[2], Path(sys.argv[3]))
        return
    sizes = [int(argument) for argument in sys.argv[1:]] or [200_000, 1_000_000]
    print(f"{'':28} {'read s':>8} {'MB':>8} {'write s':>8} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n_rows in sizes:
            make_table(folder / "table.star", n_rows)
            for job in ("starfile", "gemmi", "cl2d", "cl2d + 11 columns"):
                repeats = 3 if n_rows <= 200_000 else 1
                row = figures(job, folder / "table.star", repeats)
                print(f"{n_rows:>9} {job:18} {row}", flush=True)
        row = figures("open", many_stacks(folder))
        print(f"{100_000:>9} {'open, 5000 stacks':18} {row}   (write = read all pixels)")


if __name__ == "__main__":
    main()
