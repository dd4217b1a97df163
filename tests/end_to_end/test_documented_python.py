"""The Python that the pages show runs as it stands, on fewer particles and classes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/python.md", "docs/recipes.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """Make a folder with particles.star and images.npy the working directory."""
    options = SimulationOptions(n_particles=90, n_views=3, box_px=32, snr=1)
    simulation = simulate_particles(options)
    write_simulation(tmp_path, simulation)
    np.save(tmp_path / "images.npy", simulation.images)
    monkeypatch.chdir(tmp_path)
    return simulation.images


@pytest.mark.parametrize("page", PAGES)
def test_python_on_a_page_runs(page, workplace):
    if not (ROOT / page).is_file():
        pytest.skip(f"{page} is not beside the tests")
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    names = {"cl2d": cl2d, "np": np, "images": workplace}
    names |= {"new_images": workplace[:20], "new_particles": workplace[:20]}
    for block in blocks:
        fewer = re.sub(r"n_classes=(16|64)", "n_classes=3, iterations=2", block)
        fewer = fewer.replace("[4, 8, 16, 32]", "[2, 3]")
        fewer = fewer.replace("result.classes.to_frame()", "result.classes")  # pandas is optional
        exec(compile(fewer, page, "exec"), names)
    assert Path("run1/run.json").is_file()
