"""``cl2d demo``: simulate particles, classify them, and hold the classes against the truth."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from cl2d import pipeline
from cl2d.agreement import adjusted_rand_index, contingency
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, Quiet
from cl2d.cli.progress import JsonLines, shown_progress
from cl2d.cli.simulate import Overwrite, refuse_used_folder
from cl2d.cli.wording import duration
from cl2d.options import build_options
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

PARTICLES = SimulationOptions(n_particles=1500, box_px=64, n_views=8, snr=0.2)
N_CLASSES = 8
PARTICLES_FOLDER, RUN_FOLDER = "particles", "run"

DemoFolder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to use.")]
Threads = Annotated[int | None, typer.Option("--threads", help="Number of threads.")]


@dataclass(frozen=True)
class DemoScored:
    """How the classes of the demonstration agree with the truth."""

    n_views: int
    n_views_found: int
    adjusted_rand_index: float
    seconds: float
    gallery: str


def demo(
    *,
    output: DemoFolder = Path("cl2d-demo"),
    threads: Threads = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Simulate 1,500 particles, classify them, and say how many views were found."""
    values = {"n_classes": N_CLASSES, "threads": threads, "overwrite": overwrite}
    options = build_options(values)
    refuse_used_folder(output, overwrite=overwrite)
    started = time.monotonic()
    with (
        interruptible(output),
        shown_progress(options.levels, quiet=quiet, as_json=as_json) as tell,
    ):
        simulation = simulate_particles(PARTICLES)
        write_simulation(output / PARTICLES_FOLDER, simulation)
        particles = output / PARTICLES_FOLDER / "particles.star"
        run_folder = output / RUN_FOLDER
        result = pipeline.classify(particles, output=run_folder, on_event=tell, **options.to_flat())
    scored = score(
        simulation.truth.view, result.labels, time.monotonic() - started, run_folder / "gallery.png"
    )
    _report(scored, quiet=quiet, as_json=as_json)
    if scored.n_views_found < scored.n_views:
        raise typer.Exit(1)


def score(views: npt.ArrayLike, labels: npt.ArrayLike, seconds: float, gallery: Path) -> DemoScored:
    """Hold classes against views; a view is found where it makes up most of some class."""
    table = contingency(views, labels)
    is_most = 2 * table > table.sum(axis=0, keepdims=True)
    return DemoScored(
        n_views=len(table),
        n_views_found=int(np.count_nonzero(is_most.any(axis=1))),
        adjusted_rand_index=adjusted_rand_index(views, labels),
        seconds=seconds,
        gallery=str(gallery),
    )


def _report(scored: DemoScored, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        JsonLines(sys.stdout)(scored)
    elif not quiet:
        print(f"views found          {scored.n_views_found} of {scored.n_views}")
        print(f"adjusted Rand index  {scored.adjusted_rand_index:.3f}")
        print(f"time                 {duration(scored.seconds)}")
        print(f"class averages       {scored.gallery}")
