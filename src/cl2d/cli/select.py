"""``cl2d select``: particles of some classes as a file for the next program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cl2d import pipeline
from cl2d.cli.parameters import Debug, Quiet, RunFolder
from cl2d.cli.wording import count
from cl2d.errors import InputError
from cl2d.outputs.subset import SUBSETS, parse_classes, parse_subset, read_selection

OutputFile = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="FILE", help="File to write: .star or .xmd."),
]
Classes = Annotated[
    str | None,
    typer.Option("--classes", metavar="LIST", help="Class numbers from 1, such as 1,4,7-9."),
]
Selection = Annotated[
    Path | None,
    typer.Option(
        "--selection",
        metavar="FILE",
        help="Classes from a file: .star with rlnSelected for each class, or a JSON list.",
    ),
]
SubsetChoice = Annotated[
    str, typer.Option("--subset", metavar="|".join(SUBSETS), help="Which members of them.")
]


def select(
    run: RunFolder,
    *,
    output: OutputFile,
    classes: Classes = None,
    selection: Selection = None,
    subset: SubsetChoice = "all",
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Write the particles of some classes of a finished run to a .star or .xmd file."""
    if classes is not None and selection is not None:
        message = "--classes and --selection must not both be given"
        raise InputError(message)
    chosen = None if classes is None else parse_classes(classes)
    if selection is not None:
        chosen = read_selection(selection)
    table = pipeline.select(run, classes=chosen, subset=parse_subset(subset), output=output)
    if not quiet:
        print(f"{count(table.n_rows, 'particle')}: {output}", file=sys.stderr)
