"""Runs whose names try to break out of the page, and the data of a page read back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import StarBlock, write_stack, write_star
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><script>window.broken=1</script>"
HOSTILE_IMAGE = '"><img/src=x/onerror=window.broken=1>'
PIXEL_SIZE = 4.0
N_PARTICLES, BOX = 320, 32


def write_hostile_particles(folder: Path) -> Path:
    """Write simulated particles whose micrographs and optics group have hostile names."""
    options = SimulationOptions(
        n_particles=N_PARTICLES, box_px=BOX, n_views=4, snr=0.4, junk_fraction=0.1, seed=3
    )
    write_stack(folder / "stack.mrcs", simulate_particles(options).images, PIXEL_SIZE)
    micrographs = [HOSTILE, HOSTILE_IMAGE, "mic_&amp;_ok.mrc", "mic_2.mrc"]
    optics = {
        "rlnOpticsGroup": ["1"],
        "rlnOpticsGroupName": [HOSTILE],
        "rlnImagePixelSize": [f"{PIXEL_SIZE}"],
    }
    rows = np.arange(N_PARTICLES)
    particles = {
        "rlnImageName": [f"{row + 1:06d}@{folder / 'stack.mrcs'}" for row in rows],
        "rlnMicrographName": [micrographs[row % 4] for row in rows],
        "rlnOpticsGroup": np.ones(N_PARTICLES, dtype=int),
    }
    path = folder / "particles.star"
    write_star(path, {"optics": StarBlock(optics), "particles": StarBlock(particles)})
    return path


def page_data(page: Path) -> dict[str, Any]:
    """Return what a page shows, read from it as a browser would."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert len(found) == 1
    data: dict[str, Any] = json.loads(found[0])
    return data
