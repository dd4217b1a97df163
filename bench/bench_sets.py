"""Particle sets with known truth: simulated in memory, or stored with truth and clean views."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError
from cl2d.io import array_source, open_particles
from cl2d.io.mrc import read_stack
from cl2d.simulate import SimulationOptions, Truth, read_truth, simulate_particles

if TYPE_CHECKING:
    import argparse

    import numpy.typing as npt

    from cl2d.io import ParticleSource

SIMULATED: dict[str, dict[str, Any]] = {
    "easy": {"n_particles": 500, "n_views": 6, "snr": 0.5, "shift_sd_px": 1.5},
    "plain": {"n_particles": 4000, "n_views": 16, "snr": 0.1},
    "alike": {
        "n_particles": 4000,
        "n_views": 16,
        "snr": 0.1,
        "solvent": 0.0,
        "view_exponent": 0.5,
        "ctf": "flipped",
        "noise": "ice",
        "junk_fraction": 0.1,
    },
    "hard": {
        "n_particles": 4000,
        "n_views": 16,
        "snr": 0.1,
        "view_exponent": 1.0,
        "ctf": "raw",
        "noise": "ice",
        "junk_fraction": 0.15,
    },
    "crowded": {
        "n_particles": 8000,
        "n_views": 48,
        "snr": 0.1,
        "view_exponent": 0.5,
        "ctf": "flipped",
        "noise": "ice",
        "junk_fraction": 0.1,
    },
    "sphere": {"n_particles": 10_000, "n_views": 0, "snr": 0.1, "ctf": "flipped", "noise": "ice"},
}
UNIFORM_CLASSES = 32


@dataclass(frozen=True)
class BenchSet:
    """Particles with their truth; ``views`` are clean ones, maybe none for uniform directions."""

    name: str
    source: ParticleSource
    truth: Truth
    views: npt.NDArray[np.float32]

    def default_classes(self) -> int:
        """Return one class a view, or a few where directions are uniform."""
        return len(self.views) or UNIFORM_CLASSES


def load_set(name: str, options: argparse.Namespace) -> BenchSet:
    """Return a simulated set by its name, or one of the data folder."""
    if name in SIMULATED:
        bench_set = simulated_set(name)
    elif options.data is not None:
        bench_set = stored_set(name, Path(options.data))
    else:
        message = f"*{name}* must be one of {', '.join(SIMULATED)}, or --data must name a folder"
        raise InputError(message)
    return bench_set if options.first is None else first_images(bench_set, options.first)


def simulated_set(name: str) -> BenchSet:
    """Make a set in memory."""
    simulation = simulate_particles(SimulationOptions(**SIMULATED[name]))
    source = array_source(simulation.images, simulation.options.pixel_size_angstrom)
    return BenchSet(name, source, simulation.truth, simulation.views)


def stored_set(name: str, folder: Path) -> BenchSet:
    """Open NAME.star with NAME_truth.csv and NAME_views.mrcs.

    Where directions are uniform these are projections along evenly spread ones, and may be missing.
    """
    source = open_particles(folder / f"{name}.star")
    truth = read_truth(folder / f"{name}_truth.csv")
    views = np.zeros((0, source.box_px, source.box_px), dtype=np.float32)
    path = folder / f"{name}_views.mrcs"
    if truth.has_views or path.exists():
        views = read_stack(path)
    return BenchSet(name, source, truth, views)


def first_images(bench_set: BenchSet, n_images: int) -> BenchSet:
    """Return the first images of a set, in memory."""
    images = bench_set.source.read(0, min(n_images, bench_set.source.n_images))
    source = array_source(images, bench_set.source.pixel_size_angstrom)
    truth = bench_set.truth.take(slice(0, len(images)))
    return BenchSet(bench_set.name, source, truth, bench_set.views)
