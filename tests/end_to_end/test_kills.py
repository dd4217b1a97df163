"""Runs that are killed at random moments and gone on with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"


def test_killed_runs_have_the_files_of_a_whole_one() -> None:
    """The benchmark that makes the figures of docs/reliability.md, in small."""
    command = [sys.executable, str(BENCH / "kills.py"), "--kills", "2", "--damaged", "1"]
    few = ["--particles", "300", "--classes", "4"]
    done = subprocess.run([*command, *few], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "2 of 2" in done.stdout
    assert "1 of 1" in done.stdout
