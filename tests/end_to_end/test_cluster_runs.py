"""Whole runs that workers share: files of one process, whoever computes and whoever is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

BENCH = Path(__file__).parents[2] / "bench"
SMALL = ("--particles", "9000", "--box-px", "24", "--classes", "4")


def benchmark(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one of the benchmarks whose figures are in the documentation, in small."""
    command = [sys.executable, str(BENCH / name), *SMALL, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_workers_and_mpirun_write_the_files_of_one_process() -> None:
    done = benchmark("worker_bits.py", "--workers", "1", "3")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    n_runs = 4 if "is missing" in done.stdout else 5
    assert f"{n_runs} of {n_runs} identical" in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--", "--similarity", "correntropy"],
        ["--", "--classes", "auto", "--max-classes", "6"],
        ["--", "--images-per-class", "700", "--search", "fast", "--clustering", "robust"],
        ["--raw", "--", "--ctf", "full", "--storage", "half", "--analyze-rejected"],
    ],
)
def test_options_give_the_files_of_one_process(options: list[str]) -> None:
    done = benchmark("worker_bits.py", "--workers", "2", "--processes", "0", *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "2 of 2 identical" in done.stdout


def test_workers_that_are_killed_cost_no_bit_of_any_file() -> None:
    done = benchmark("worker_kills.py", "--runs", "1")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "1 of 1 identical" in done.stdout
