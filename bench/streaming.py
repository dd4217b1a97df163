"""Particles that arrive in portions, some views late: ``cl2d.watch`` beside one batch run.

``python bench/streaming.py`` simulates particles, feeds them to a watch in 8 portions, finishes it,
and compares its classes with those of ``cl2d.classify`` of all at once: agreement of both with the
true views (adjusted Rand index). A quarter of the views appear only in the last three portions.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.io import read_particle_table, write_particles_star
from cl2d.pipeline import watch_cycle
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.outputs.saved_run import SavedRun
    from cl2d.pipeline.watch_state import WatchState

N_PORTIONS = 8
LATE_SHARE = 0.25
FIRST_LATE_PORTION = 5
LARGEST_DIFFERENCE = 0.02


def late_views(
    view: npt.NDArray[np.int32], seed: int, n_portions: int = N_PORTIONS
) -> list[npt.NDArray[np.intp]]:
    """Return the rows of each portion: a quarter of the views only in the last three."""
    rng = np.random.default_rng(seed)
    views = np.unique(view)
    late = np.isin(view, rng.permutation(views)[: round(LATE_SHARE * len(views))])
    when = rng.integers(0, n_portions, len(view))
    when[late] = rng.integers(FIRST_LATE_PORTION, n_portions, int(late.sum()))
    return [np.flatnonzero(when == portion) for portion in range(n_portions)]


def at_random(
    view: npt.NDArray[np.int32], seed: int, n_portions: int = N_PORTIONS
) -> list[npt.NDArray[np.intp]]:
    """Return the rows of each portion, in random order."""
    order = np.random.default_rng(seed).permutation(len(view))
    return [np.sort(rows) for rows in np.array_split(order, n_portions)]


def fed(
    table: Path, portions: list[npt.NDArray[np.intp]], folder: Path, options: dict[str, object]
) -> WatchState:
    """Return the end of a watch to which the portions come one after another."""
    source = cl2d.open_particles(table)
    assert source.table is not None
    incoming = folder / "incoming"
    incoming.mkdir()
    for number, rows in enumerate(portions):
        part = source.table.take(rows)
        write_particles_star(incoming / f"part_{number}.star", part, {}, source=source)
        last = number == len(portions) - 1
        state = cl2d.watch(incoming, folder / "watch", once=not last, finish=last, **options)
    return state


def agreement(table: Path, names: list[str], view: npt.NDArray[np.int32]) -> float:
    """Return the adjusted Rand index of the classes of a table with the views, by image names."""
    found = read_particle_table(table)
    label_of = dict(
        zip(found.text("rlnImageName"), found.numbers("rlnClassNumber").tolist(), strict=True)
    )
    labels = np.array([label_of[name] for name in names], dtype=np.int32)
    return float(adjusted_rand_index(labels, view))


def compared(seed: int, arguments: argparse.Namespace) -> None:
    """Print the figures of one seed."""
    options: dict[str, object] = {"n_classes": arguments.classes, "seed": seed}
    options |= {"threads": arguments.threads, "core": False, "evaluate": False, "report": False}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, view = simulated(folder, seed, arguments)
        source = cl2d.open_particles(table)
        assert source.table is not None
        names = source.table.text("rlnImageName")
        begun = time.perf_counter()
        cl2d.classify(table, output=folder / "batch", **options)  # type: ignore[arg-type]
        seconds = [time.perf_counter() - begun]
        batch = agreement(folder / "batch" / "particles.star", names, view)
        for order in (at_random, late_views):
            begun = time.perf_counter()
            place = folder / order.__name__
            place.mkdir()
            state = fed(table, order(view, seed), place, options)
            seconds[1:] = [time.perf_counter() - begun]
            watched = agreement(place / "watch" / "particles.star", names, view)
            figures = [batch, watched, watched - batch]
            cells = [str(seed), order.__name__.replace("_", " ")]
            cells += [f"{figure:.3f}" for figure in figures] + [f"{time:.1f}" for time in seconds]
            print(f"| {' | '.join([*cells, *told(state)])} |", flush=True)
            if watched < batch - LARGEST_DIFFERENCE:
                print(f"the difference must be at most {LARGEST_DIFFERENCE}")


def simulated(
    folder: Path, seed: int, arguments: argparse.Namespace
) -> tuple[Path, npt.NDArray[np.int32]]:
    """Write particles; return their table and the view of each."""
    options = SimulationOptions(
        n_particles=arguments.particles,
        n_views=arguments.classes,
        box_px=arguments.box,
        snr=arguments.snr,
        seed=seed,
    )
    simulation = simulate_particles(options)
    write_simulation(folder, simulation)
    return folder / "particles.star", simulation.truth.view


def averages_of_all(run: SavedRun) -> npt.NDArray[np.float32]:
    """Return the averages of all classes that have members."""
    return run.averages[run.levels[-1].class_sizes() > 0]


def told(state: WatchState) -> list[str]:
    """Return at how many particles was clustered, and the share of poorly explained ones."""
    runs = ", ".join(str(run.n_images) for run in state.runs)
    shares = [
        "-" if portion.run is None else f"{100 * portion.n_poor / portion.n_usable:.0f}"
        for portion in state.portions
    ]
    return [runs, " ".join(shares)]


def main() -> None:
    """Print the figures of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=3000)
    parser.add_argument("--classes", type=int, default=16)
    parser.add_argument("--box", type=int, default=48)
    parser.add_argument("--snr", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--from-all", action="store_true", help="start from all averages, not from half of them"
    )
    arguments = parser.parse_args()
    if arguments.from_all:
        watch_cycle.starting_averages = averages_of_all
    names = ["seed", "order", "batch ARI", "watch ARI", "difference", "batch s", "watch s"]
    names += ["clustered at", "poorly explained, % of each portion"]
    print(f"| {' | '.join(names)} |")
    print(f"|{'---|' * len(names)}")
    for seed in range(arguments.seeds):
        compared(seed, arguments)


if __name__ == "__main__":
    main()
