"""``cl2d cores``: other cores for a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Quiet, RunFolder
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say
from cl2d.cli.wording import count
from cl2d.errors import InputError
from cl2d.options import CoreOptions
from cl2d.outputs.subset import check_suffix, read_selection

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
Selection = Annotated[
    Path | None,
    typer.Option(
        "--selection",
        metavar="FILE",
        help="Also write the cores of some classes to the file -o names; as for cl2d select.",
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="With --selection: .star or .xmd."),
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
    selection: Selection = None,
    output: OutputFile = None,
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
    classes = _chosen(run, selection, output)
    with interruptible(run), shown_progress(quiet=quiet, as_json=False) as tell:
        found = pipeline.recompute_cores(
            run, particles=particles, threads=threads, on_event=tell, **options
        )
    if output is not None:
        table = pipeline.select(run, classes=classes, subset="core", output=output)
    if quiet:
        return
    last = found.cores[-1]
    sizes = f"core {np.count_nonzero(last.is_core):,}"
    if last.is_stable_core is not None:
        sizes += f", stable core {np.count_nonzero(last.is_stable_core):,}"
    say(f"{sizes} of {len(last.is_core):,} particles")
    for warning in found.warnings:
        say(f"warning: {warning}")
    if output is not None:
        say(f"{count(table.n_rows, 'particle')}: {output}")
    say(f"results: {run}")


def _chosen(run: Path, selection: Path | None, output: Path | None) -> tuple[int, ...] | None:
    """Return the classes of a selection, whose cores go to a file; look before the work is done."""
    if (selection is None) != (output is None):
        message = "--selection and -o must be given together"
        raise InputError(message)
    if selection is None or output is None:
        return None
    check_suffix(output)
    return read_selection(selection, run)
