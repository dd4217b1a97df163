"""The commands that the pages show run as they stand, on fewer particles and classes.

Blocks marked ``bash`` are run, all of a page in one shell; what is only to be looked at is
marked otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cl2d
from cl2d.io import read_particle_table
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

pytestmark = pytest.mark.programs
ROOT = Path(__file__).parents[2]
PAGES = ("docs/recipes.md", "docs/tutorial.md")
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
N_CLASSES = 6  # as many as there are views: class numbers on the pages go up to 5


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """Make a folder with particles and later particles the working directory, cl2d a program."""
    options = SimulationOptions(
        n_particles=180,
        n_views=N_CLASSES,
        box_px=32,
        pixel_size_angstrom=8,  # masks of the pages lie within the box
        snr=1,
        ctf="none",
    )
    write_simulation(tmp_path, simulate_particles(options))
    shutil.copy(tmp_path / "particles.star", tmp_path / "new_particles.star")
    program = tmp_path / "bin" / "cl2d"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cl2d "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    # The package under test, also where a relative PYTHONPATH leads to it.
    monkeypatch.setenv("PYTHONPATH", str(Path(cl2d.__file__).parents[1]))
    monkeypatch.chdir(tmp_path)


def quicker(block: str) -> str:
    """Return commands for fewer classes and iterations."""
    fewer = re.sub(r"--classes (\d{2,}|auto)", f"--classes {N_CLASSES}", block)
    return re.sub(r"cl2d classify", "cl2d classify --iterations 2 --threads 1", fewer)


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("page", PAGES)
def test_commands_on_a_page_run(page):
    if not (ROOT / page).is_file():
        pytest.skip(f"{page} is not beside the tests")
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    has_jq = shutil.which("jq") is not None
    runnable = [quicker(block) for block in blocks if has_jq or "jq " not in block]
    script = "\n".join(["set -euxo pipefail", *runnable])
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    for table in re.findall(r"-o (\S+\.(?:star|xmd))", script):
        assert read_particle_table(table).n_rows
    for run in re.findall(r"cl2d classify .*-o (\S+)", script):
        assert json.loads(Path(run, "run.json").read_text())["status"] == "complete"
    for output in re.findall(r"> (\S+\.(?:tsv|txt))", script):
        assert Path(output).read_text()
    if len(runnable) < len(blocks):
        pytest.skip("jq is not installed: the commands with it were not run")
