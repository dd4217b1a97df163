"""``cl2d assign``: new particles into finished classes."""

from __future__ import annotations

from typing import Annotated

import typer

from cl2d import pipeline
from cl2d.cli.classify import Particles
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, OutputFolder, Quiet, RunFolder, Threads
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the run that the output folder holds.")
]


def assign(
    run: RunFolder,
    particles: Particles,
    *,
    output: OutputFolder,
    overwrite: Overwrite = False,
    threads: Threads = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Put new particles into the classes of a finished run."""
    with interruptible(output), shown_progress(quiet=quiet, as_json=as_json) as tell:
        pipeline.assign(
            run, particles, output=output, overwrite=overwrite, threads=threads, on_event=tell
        )
    if not quiet:
        say(f"results: {output}")
