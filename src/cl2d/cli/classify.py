"""``cl2d classify``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import (
    Config,
    Debug,
    Json,
    OutputFolder,
    Quiet,
    Resume,
    flag,
    takes_options,
)
from cl2d.cli.progress import shown_progress
from cl2d.cli.repeated import tell_differences
from cl2d.cli.streams import say
from cl2d.options import ClassifyOptions, build_options, read_config

Particles = Annotated[
    Path,
    typer.Argument(metavar="INPUT", help="Particles: .star, .xmd, .cs, or a stack (.mrcs, .stk)."),
]


OptionalParticles = Annotated[
    Path | None,
    typer.Argument(
        metavar="INPUT",
        help="Particles: .star, .xmd, or a stack (.mrcs, .mrc, .stk). With --config those that it "
        "names, unless given.",
    ),
]


@takes_options(ClassifyOptions, short={"classes": "-k"})
def classify(
    *,
    particles: OptionalParticles = None,
    output: OutputFolder,
    config: Config = None,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
    values: dict[str, Any],
) -> None:
    """Sort particle images into classes of the same view, and average them."""
    if config is not None:
        job = read_config(config)
        particles, values = particles or job.particles, job.values | values
        if particles is not None and not quiet:
            tell_differences(job, particles)
    if particles is None:
        message = "INPUT must be given, here or in the file of --config"
        raise typer.BadParameter(message)
    options = build_options(values, label=flag)
    with (
        interruptible(output),
        shown_progress(options.levels, quiet=quiet, as_json=as_json) as tell,
    ):
        flat = options.to_flat()
        pipeline.classify(particles, output=output, resume=resume, on_event=tell, **flat)
    if not quiet:
        say(f"results: {output}")
