"""``cl2d align``: one average, and the pose of every particle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cl2d import pipeline
from cl2d.cli.classify import Particles
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, OutputFolder, Quiet, Resume, flag, takes_options
from cl2d.cli.progress import shown_progress
from cl2d.options import ClassifyOptions, LevelOptions, build_options
from cl2d.pipeline.align import MEANINGLESS

Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference", metavar="FILE", help="One image to start from; else the particles' mean."
    ),
]


@takes_options(ClassifyOptions, leave_out=MEANINGLESS)
def align(
    particles: Particles,
    output: OutputFolder,
    *,
    reference: Reference = None,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
    values: dict[str, Any],
) -> None:
    """Align particles to their average, or to a reference: one class."""
    options = build_options(values, label=flag)
    levels = LevelOptions(classes=1, initial_classes=1, iterations=options.levels.iterations)
    with interruptible(output), shown_progress(levels, quiet=quiet, as_json=as_json) as tell:
        pipeline.align(
            particles,
            reference=reference,
            output=output,
            resume=resume,
            on_event=tell,
            **values,
        )
    if not quiet:
        print(f"results: {output}", file=sys.stderr)
