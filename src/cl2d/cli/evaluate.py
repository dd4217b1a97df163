"""``cl2d evaluate``: how good the classes of a finished run are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Quiet, RunFolder, Threads
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say
from cl2d.evaluate import LevelEvaluation
from cl2d.outputs.evaluation import metrics
from cl2d.outputs.run_record import plain_json

Particles = Annotated[
    Path | None,
    typer.Option(
        "--particles", metavar="FILE", help="The run's particles, if they were moved since."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def evaluate(
    run: RunFolder,
    *,
    particles: Particles = None,
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Measure resolution and quality of every class of a finished run."""
    with interruptible(run), shown_progress(quiet=quiet, as_json=False) as tell:
        evaluations = pipeline.evaluate(run, particles=particles, threads=threads, on_event=tell)
    if as_json:
        print(json.dumps(plain_json(metrics(evaluations))))
    else:
        print("\n".join(class_lines(evaluations[-1])))
    if not quiet:
        say(f"results: {run}")


def class_lines(evaluation: LevelEvaluation) -> list[str]:
    """Return a table of the classes of one level, in the order by likeness."""
    resolution = evaluation.resolution_angstrom
    values, unit = (
        (1 / evaluation.crossing_per_px, "px") if resolution is None else (resolution, "A")
    )
    head = f"{'class':>5} {'halves':>13} {'0.5':>8} {'0.143':>8}  quality"
    lines = [f"resolution in {unit} at half-set FRC 0.5 and 0.143; neighbours look alike", head]
    for k in evaluation.order.tolist():
        halves = " + ".join(f"{size:,}" for size in evaluation.half_members[k].tolist())
        found = [f"{value:.1f}" if np.isfinite(value) else "-" for value in values[k].tolist()]
        remark = "".join(f"  {reason}" for reason in evaluation.reasons[k])
        lines.append(
            f"{k + 1:>5} {halves:>13} {found[0]:>8} {found[1]:>8}  "
            f"{evaluation.quality[k]:.2f}{remark}"
        )
    return lines
