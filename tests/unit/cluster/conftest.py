"""A scheduler of somebody else's, with a worker, and a queue in the place of SLURM's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THIS_MACHINE = "127.0.0.1"


def wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds; fail if it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Tell whether a process is there, and not only its entry."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def dask_process(*words: str) -> subprocess.Popen[bytes]:
    """Start a scheduler or a worker as a user would."""
    command = [sys.executable, "-P", "-m", *words]
    paths = os.pathsep.join(filter(None, sys.path))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, **quiet)


@pytest.fixture(scope="session")
def scheduler_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the file of a scheduler that has no workers."""
    pytest.importorskip("distributed")
    file = tmp_path_factory.mktemp("scheduler") / "scheduler.json"
    process = _scheduler(file)
    yield file
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def scheduler_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the file of a scheduler with one worker of three threads."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    processes = [_scheduler(file)]
    options = ["--nthreads", "3", "--no-nanny", "--local-directory", str(folder)]
    found = ["--scheduler-file", str(file)]
    processes.append(dask_process("distributed.cli.dask_worker", *found, *options))
    yield file
    for process in reversed(processes):
        process.kill()
        process.wait()


def _scheduler(file: Path) -> subprocess.Popen[bytes]:
    where = ["--host", THIS_MACHINE, "--port", "0", "--no-dashboard"]
    process = dask_process("distributed.cli.dask_scheduler", *where, "--scheduler-file", str(file))
    wait_until(lambda: file.exists() and file.read_text())
    return process


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an sbatch and an scancel on the path; a job runs at once, in a process of its own.

    The folder keeps each script as ``job*``, and the number of each job that is cancelled in
    ``cancelled``. A job whose script asks for the partition "none" is refused, and one for "broken"
    ends without doing anything.
    """
    folder = tmp_path / "queue"
    folder.mkdir()
    programs = {
        "sbatch": (
            'if grep -q -- "-p none" "$1"; then echo "invalid partition specified" >&2; exit 1; fi',
            f'job=$(mktemp "{folder}/jobXXXXXX"); cp "$1" "$job"',
            "SLURM_CPUS_PER_TASK=$(grep -oP 'cpus-per-task=\\K.*' \"$job\")",
            "export SLURM_CPUS_PER_TASK",
            'grep -q -- "-p broken" "$job" && : > "$job"',
            'setsid bash "$job" > /dev/null 2>&1 < /dev/null &',
            'echo "Submitted batch job $!"',
        ),
        "squeue": (
            'jobs="${@: -1}"; jobs="${jobs#--jobs=}"',
            'for job in ${jobs//,/ }; do if kill -0 "$job" 2>/dev/null; then echo "$job"; fi; done',
        ),
        "scancel": (
            f'echo "$1" >> "{folder}/cancelled"',
            # As SLURM does: what does not end when asked to is ended a little later.
            '(kill -- "-$1"; sleep 1; kill -9 -- "-$1") > /dev/null 2>&1 < /dev/null &',
        ),
    }
    for name, lines in programs.items():
        (folder / name).write_text("\n".join(["#!/bin/bash", *lines, ""]))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    return folder
