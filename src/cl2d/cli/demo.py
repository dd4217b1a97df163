"""``cl2d demo``: simulate particles, classify them, and hold the classes against the truth."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, Quiet, folder
from cl2d.cli.progress import JsonLines, shown_progress
from cl2d.cli.simulate import Overwrite, refuse_used_folder
from cl2d.cli.streams import shown
from cl2d.cli.wording import duration
from cl2d.options import build_options
from cl2d.outputs.folder import GALLERY, REPORT
from cl2d.simulate import (
    Scores,
    SimulationOptions,
    score_classification,
    simulate_particles,
    write_simulation,
)

PARTICLES = SimulationOptions(n_particles=1500, box_px=64, n_views=8, snr=0.2)
N_CLASSES = 8
PARTICLES_FOLDER, RUN_FOLDER = "particles", "run"

DemoFolder = Annotated[
    Path, typer.Option("-o", "--output", metavar="DIR", parser=folder, help="Folder to use.")
]
Threads = Annotated[int | None, typer.Option("--threads", help="Number of threads.")]


@dataclass(frozen=True)
class DemoScored:
    """How the classes of the demonstration agree with the truth."""

    n_views: int
    n_views_found: int
    adjusted_rand_index: float
    seconds: float
    gallery: str
    report: str


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
        write_simulation(output / PARTICLES_FOLDER, simulation, on_event=tell)
        result = pipeline.classify(
            output / PARTICLES_FOLDER / "particles.star",
            output=output / RUN_FOLDER,
            on_event=tell,
            **options.to_flat(),
        )
    scores = score_classification(simulation.truth, result.labels)
    scored = _scored(scores, time.monotonic() - started, output / RUN_FOLDER)
    _report(scored, quiet=quiet, as_json=as_json)
    if scored.n_views_found < scored.n_views:
        raise typer.Exit(1)


def _scored(scores: Scores, seconds: float, run: Path) -> DemoScored:
    n_views = PARTICLES.n_views
    return DemoScored(
        n_views=n_views,
        n_views_found=round(scores.views_found * n_views),
        adjusted_rand_index=scores.adjusted_rand_index,
        seconds=seconds,
        gallery=str(run / GALLERY),
        report=str(run / REPORT),
    )


def _report(scored: DemoScored, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        JsonLines(sys.stdout)(scored)
    elif not quiet:
        print(f"views found          {scored.n_views_found} of {scored.n_views}")
        print(f"adjusted Rand index  {scored.adjusted_rand_index:.3f}")
        print(f"time                 {duration(scored.seconds)}")
        print(shown(f"class averages       {scored.gallery}"))
        print(shown(f"report               {scored.report}"))
