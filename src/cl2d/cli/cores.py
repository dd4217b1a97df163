"""``cl2d cores``: other cores for a finished run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Quiet, RunFolder
from cl2d.cli.progress import shown_progress
from cl2d.options import CoreOptions

_HELP = {name: field.description for name, field in CoreOptions.model_fields.items()}
_AS_BEFORE = "as the run had it"

Junk = Annotated[
    float | None,
    typer.Option("--junk-zscore", help=_HELP["junk_zscore"], show_default=_AS_BEFORE),
]
Pca = Annotated[
    float | None,
    typer.Option("--pca-zscore", help=_HELP["pca_zscore"], show_default=_AS_BEFORE),
]
StableCore = Annotated[
    bool | None,
    typer.Option(
        "--stable-core/--no-stable-core", help=_HELP["stable_core"], show_default=_AS_BEFORE
    ),
]
Tolerance = Annotated[
    int | None,
    typer.Option("--tolerance", help=_HELP["tolerance"], show_default=_AS_BEFORE),
]
Particles = Annotated[
    Path | None,
    typer.Option(
        "--particles", metavar="FILE", help="The run's particles, if they were moved since."
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", help="Number of threads.")]


def cores(
    run: RunFolder,
    *,
    junk_zscore: Junk = None,
    pca_zscore: Pca = None,
    stable_core: StableCore = None,
    tolerance: Tolerance = None,
    particles: Particles = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Find the cores of a finished run anew, with other thresholds on its stored z-scores."""
    given = {
        "junk_zscore": junk_zscore,
        "pca_zscore": pca_zscore,
        "stable_core": stable_core,
        "tolerance": tolerance,
    }
    options = {name: value for name, value in given.items() if value is not None}
    with interruptible(run), shown_progress(quiet=quiet, as_json=False) as tell:
        found = pipeline.recompute_cores(
            run, particles=particles, threads=threads, on_event=tell, **options
        )
    if quiet:
        return
    last = found.cores[-1]
    sizes = f"core {np.count_nonzero(last.is_core):,}"
    if last.is_stable_core is not None:
        sizes += f", stable core {np.count_nonzero(last.is_stable_core):,}"
    print(f"{sizes} of {len(last.is_core):,} particles", file=sys.stderr)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"results: {run}", file=sys.stderr)
