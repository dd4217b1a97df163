"""The command line under mpirun: one process computes nothing, and all end with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from cl2d import mpi

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.programs

PROGRAM = """import sys
from cl2d import cli, mpi
from cl2d.cluster import check_workers, current_client"""
with_mpi = pytest.mark.skipif(
    shutil.which("mpirun") is None or not all(map(find_spec, ("mpi4py", "dask_mpi"))),
    reason="needs mpirun, mpi4py and dask-mpi",
)


def mpirun(n: int, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["mpirun", "--oversubscribe", "-np", str(n), sys.executable, *words]
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        command,
        env={**os.environ, **as_root, "PYTHONPATH": paths},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@with_mpi
def test_all_processes_but_the_first_are_workers(tmp_path: Path) -> None:
    # The command line as it is, but for one that tells of its cluster.
    code = (
        f"{PROGRAM}\n"
        "cli.main = lambda words: print(words, check_workers(current_client()).n_workers) or 0\n"
        "sys.exit(mpi.main(['some', 'words']))"
    )
    done = mpirun(3, "-c", code, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['some', 'words'] 2\n"
    assert list(tmp_path.iterdir()) == []


@with_mpi
@pytest.mark.parametrize("n", [2, 3])
def test_the_exit_code_is_that_of_the_command_line(tmp_path: Path, n: int) -> None:
    words = ["classify", "missing.star", "-o", "out"]
    done = mpirun(n, "-m", "cl2d.mpi", *words, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("cl2d: error: missing.star: does not exist\n")


@with_mpi
def test_an_error_outside_of_the_command_line_ends_all(tmp_path: Path) -> None:
    code = f"{PROGRAM}\ncli.main = lambda words: 1 / 0\nsys.exit(mpi.main([]))"
    done = mpirun(3, "-c", code, folder=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@with_mpi
def test_one_process_has_no_workers(tmp_path: Path) -> None:
    done = mpirun(1, "-m", "cl2d.mpi", "info", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("cl2d: error: cl2d.mpi must have at least 2 processes")


def test_without_the_packages_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cl2d.cluster.packages.find_spec", lambda _name: None)
    assert mpi.main(["info"]) == 2
    told = "cl2d: error: python -m cl2d.mpi needs the extra: pip install 'cl2d[mpi]'"
    assert capsys.readouterr().err.startswith(told)
