"""``cl2d report``: the page of a finished run, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cl2d import pipeline
from cl2d.cli.parameters import Debug, Quiet, RunFolder, Threads
from cl2d.cli.streams import say

Particles = Annotated[
    Path | None,
    typer.Option(
        "--particles", metavar="FILE", help="The run's particles, if they were moved since."
    ),
]


def report(
    run: RunFolder,
    *,
    particles: Particles = None,
    threads: Threads = None,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Write report.html and gallery.png of a finished run anew."""
    page = pipeline.report(run, particles=particles, threads=threads)
    if not quiet:
        say(f"report: {page}")
