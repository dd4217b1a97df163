"""``cl2d select``: particles of some classes as a file for the next program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cl2d import pipeline
from cl2d.cli.parameters import Debug, Quiet, RunFolder
from cl2d.cli.streams import say
from cl2d.cli.wording import count
from cl2d.errors import InputError
from cl2d.evaluate import REASONS
from cl2d.outputs.evaluation import KEPT
from cl2d.outputs.proposal import ClassProposal
from cl2d.outputs.subset import SUBSETS, parse_classes, parse_subset
from cl2d.pipeline.auto_selection import not_selected_path, selection_path

OutputFile = Annotated[
    Path,
    typer.Option("-o", "--output", metavar="FILE", help="File to write: .star, .xmd or .cs."),
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
        help="Classes from a file: what report.html saves, .star with rlnSelected for each class, "
        "or a JSON list.",
    ),
]
Auto = Annotated[
    bool, typer.Option("--auto", help="The classes that the evaluation of the run proposes.")
]
Keep = Annotated[
    str | None,
    typer.Option("--keep", metavar="LIST", help="With --auto: keep these, whatever it says."),
]
Drop = Annotated[
    str | None,
    typer.Option("--drop", metavar="LIST", help="With --auto: drop these, whatever it says."),
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
    auto: Auto = False,
    keep: Keep = None,
    drop: Drop = None,
    subset: SubsetChoice = "all",
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Write the particles of some classes of a finished run to a .star, .xmd or .cs file."""
    given = [
        name
        for name, value in (("--classes", classes), ("--selection", selection), ("--auto", auto))
        if value
    ]
    if len(given) > 1:
        message = f"{' and '.join(given)} must not both be given"
        raise InputError(message)
    if (keep or drop) and not auto:
        message = "--keep and --drop must be given with --auto"
        raise InputError(message)
    if auto:
        _select_auto(run, output, keep, drop, subset, quiet=quiet)
        return
    chosen = None if classes is None else parse_classes(classes)
    table = pipeline.select(
        run, classes=chosen, selection=selection, subset=parse_subset(subset), output=output
    )
    if not quiet:
        say(f"{count(table.n_rows, 'particle')}: {output}")


def _select_auto(
    run: Path, output: Path, keep: str | None, drop: str | None, subset: str, *, quiet: bool
) -> None:
    found = pipeline.select_auto(
        run,
        keep=parse_classes(keep) if keep else (),
        drop=parse_classes(drop) if drop else (),
        subset=parse_subset(subset),
        output=output,
    )
    print("\n".join(proposal_lines(found.proposal)))
    if not quiet:
        not_selected = found.not_selected.n_rows
        say(f"{count(found.particles.n_rows, 'particle')}: {output}")
        say(
            f"{count(not_selected, 'particle')} not selected: {not_selected_path(output)}; "
            f"classes: {selection_path(output)}"
        )


def proposal_lines(proposal: ClassProposal) -> list[str]:
    """Return a table of the classes, best quality first, with what speaks against each."""
    lines = [f"{'class':>5} {'members':>9}  quality  verdict"]
    for k in np.argsort(-proposal.quality, kind="stable").tolist():
        verdict = "keep" if proposal.selected[k] else "drop"
        names = [name for name in proposal.reasons[k].split("+") if name != KEPT]
        words = [REASONS.get(name, name.replace("_", " ")) for name in names]
        why = f": {'; '.join(words)}" if words else ""
        lines.append(
            f"{k + 1:>5} {proposal.members[k]:>9,}  {proposal.quality[k]:>7.2f}  {verdict}{why}"
        )
    return lines
