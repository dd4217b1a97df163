from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cl2d

PROGRAM = [sys.executable, "-m", "cl2d", "demo"]


@pytest.mark.slow
def test_demonstration_finds_every_view_in_less_than_a_minute(tmp_path):
    done = subprocess.run(
        [*PROGRAM, "--json", "--quiet"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(cl2d.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    scored = json.loads(done.stdout.splitlines()[-1])
    assert scored["event"] == "demo_scored"
    assert scored["n_views_found"] == scored["n_views"] >= 8
    assert scored["adjusted_rand_index"] > 0.8
    assert scored["seconds"] < 60
    assert (tmp_path / Path(scored["gallery"])).stat().st_size > 0
    assert (tmp_path / Path(scored["report"])).stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == ["cl2d-demo"]
