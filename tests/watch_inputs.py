"""Particles of four views that come in portions, one view late, and a watch of them."""

from __future__ import annotations

import numpy as np

import cl2d
from cl2d.io import write_particles_star
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

N_PARTICLES, N_VIEWS, N_PORTIONS = 480, 4, 4
OPTIONS = {
    "n_classes": N_VIEWS,
    "initial_classes": 2,
    "iterations": 6,
    "max_shift_px": 2.0,
    "threads": 1,
    "core": False,
    "evaluate": False,
}
WORDS = ["-k", str(N_VIEWS), "--initial-classes", "2", "--iterations", "6", "--max-shift-px", "2"]
WORDS += ["--threads", "1", "--no-core", "--no-evaluate"]
FIRST_AFTER = 100


def simulated(folder):
    """Write particles; return their table and the view of each."""
    simulation = simulate_particles(
        SimulationOptions(
            n_particles=N_PARTICLES, n_views=N_VIEWS, box_px=32, snr=0.5, shift_sd_px=0.5
        )
    )
    write_simulation(folder, simulation)
    return folder / "particles.star", simulation.truth.view


def portions(view):
    """Return the rows of each portion; one of the views is not in the first two."""
    rows = np.arange(len(view))
    late = rows[view == view[0]]
    early = rows[view != view[0]]
    parts = np.array_split(early, N_PORTIONS)
    return [*parts[:2], *map(np.union1d, parts[2:], np.array_split(late, 2))]


def write_rows(table, rows, path):
    source = cl2d.open_particles(table)
    write_particles_star(path, source.table.take(rows), {}, source=source)


def fed(particles, folder, watch):
    """Feed a table that grows; ``watch`` is called after each portion, and with True at last."""
    table, view = particles
    folder.mkdir(exist_ok=True)
    rows = np.zeros(0, dtype=np.intp)
    for number, part in enumerate(portions(view)):
        rows = np.concatenate([rows, part])
        write_rows(table, rows, folder / "growing.star")
        watch(folder / "growing.star", folder / "out", finish=number == N_PORTIONS - 1)
    return folder / "out"


def watched(star, out, *, finish, on_event=None):
    return cl2d.watch(
        star,
        out,
        once=not finish,
        finish=finish,
        first_after=FIRST_AFTER,
        on_event=on_event,
        **OPTIONS,
    )
