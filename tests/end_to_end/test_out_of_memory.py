"""Memory that is not there: one sentence, exit code 1, and a record that says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.events import IterationProgress
from cl2d.io import write_stack
from cl2d.io.atomic import final_name
from cl2d.simulate import SimulationOptions, simulate_particles

MB = 1_000_000
RUN = """
import re, resource, sys
import cl2d.pipeline, PIL.Image, PIL.ImageFont, scipy.fft, scipy.ndimage
from cl2d.cli import main
now = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[1]),) * 2)
sys.argv = ["cl2d", *sys.argv[2:]]
sys.exit(main())
"""
LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc of Linux")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("particles") / "particles.mrcs"
    options = SimulationOptions(n_particles=600, box_px=64, pixel_size_angstrom=4.0)
    write_stack(path, simulate_particles(options).images, 4.0)
    return path


def with_memory(n_bytes: int, stack: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run with so much memory more than the loaded program takes."""
    options = ["-k", "2", "--initial-classes", "1", "--iterations", "1", "--threads", "1"]
    command = ["classify", str(stack), "-o", str(out), "--quiet", *options]
    return subprocess.run(
        [sys.executable, "-c", RUN, str(n_bytes), *command],
        capture_output=True,
        text=True,
        check=False,
        # Room that is reserved for other threads, and never used, would count as memory here.
        env={**os.environ, "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


@LINUX
@pytest.mark.parametrize("n_bytes", [4 * MB, 16 * MB, 24 * MB, 60 * MB])
def test_too_little_memory_is_one_sentence(stack: Path, tmp_path: Path, n_bytes: int) -> None:
    done = with_memory(n_bytes, stack, tmp_path / "out")
    record = tmp_path / "out" / "run.json"
    status = json.loads(record.read_text())["status"] if record.exists() else None
    if done.returncode == 0:
        assert status == "complete"
        return
    assert done.returncode == 1  # not a signal
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert status in {None, "running", "failed"}
    assert not [path for path in tmp_path.rglob(".*") if final_name(path.name)]


@LINUX
def test_run_needs_no_more_memory_than_it_says(stack: Path, tmp_path: Path) -> None:
    assert with_memory(1000 * MB, stack, tmp_path / "plenty").returncode == 0
    memory = json.loads((tmp_path / "plenty" / "run.json").read_text())["memory"]
    # The estimate counts the program itself, too, which was loaded before the limit was set.
    done = with_memory(memory["estimated_bytes"], stack, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")


def test_record_says_that_memory_ran_out(stack: Path, tmp_path: Path) -> None:
    def ask_for_too_much(event: object) -> None:
        if isinstance(event, IterationProgress):
            np.zeros(1 << 60, np.uint8)

    with pytest.raises(MemoryError):
        cl2d.classify(
            stack, n_classes=2, threads=1, output=tmp_path / "out", on_event=ask_for_too_much
        )
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "failed"
    assert "Unable to allocate" in record["error"]
