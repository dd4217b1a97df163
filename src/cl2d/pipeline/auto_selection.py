"""Choose the classes of a finished run that its evaluation proposes to keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cl2d.outputs.gallery import Gallery, write_gallery
from cl2d.outputs.proposal import (
    ClassProposal,
    class_averages,
    read_proposal,
    write_proposal,
)
from cl2d.outputs.saved_run import read_run_particles
from cl2d.outputs.subset import subset_rows, write_rows, write_subset

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    from cl2d.io import ParticleTable
    from cl2d.outputs.subset import Subset


@dataclass(frozen=True, eq=False)
class AutoSelection:
    """What was selected.

    Attributes
    ----------
    particles : ParticleTable, of the classes kept
    not_selected : ParticleTable, all other particles of the run
    proposal : ClassProposal, with the changes made by hand
    """

    particles: ParticleTable
    not_selected: ParticleTable
    proposal: ClassProposal


def select_auto(
    run: str | os.PathLike[str],
    *,
    keep: Collection[int] = (),
    drop: Collection[int] = (),
    subset: Subset = "all",
    output: str | os.PathLike[str] | None = None,
) -> AutoSelection:
    """Return the particles of the classes that a run's evaluation proposes to keep.

    Parameters
    ----------
    run : path
        Output folder of a run that was evaluated, or its particles.star.
    keep, drop : collections of int
        Class numbers, from 1, to keep or to drop whatever the proposal says.
    subset : "all", "core", "stable-core" or "rejected"
        Which members of the classes kept.
    output : path, optional
        A .star, .xmd or .cs file. Beside NAME.star, ``NAME_not_selected.star`` gets every other
        particle of the run and ``NAME_selection.star`` a row for each class with the reason;
        ``NAME_selection.png`` shows the averages, what is dropped crossed out.

    Raises
    ------
    InputError
        If the run was not evaluated, there is no such class or subset, or nothing is selected
        for a file.

    Examples
    --------
    >>> import cl2d
    >>> found = cl2d.select_auto("out", keep=[7], output="good.star")  # doctest: +SKIP
    """
    table = read_run_particles(run)
    proposal = read_proposal(run).changed(keep, drop)
    rows = subset_rows(table, None, subset)
    numbers = table.numbers("rlnClassNumber").astype(np.int64)
    rows = rows[np.isin(numbers[rows], proposal.classes)]
    others = np.setdiff1d(np.arange(table.n_rows), rows)
    if output is not None:
        path = Path(output)
        write_subset(path, table, rows)
        write_rows(not_selected_path(path), table, others)
        write_proposal(selection_path(path), proposal)
        averages = class_averages(run)
        if averages is not None:
            dropped = ~proposal.selected
            sheet = Gallery(averages, proposal.members, dropped=dropped)
            write_gallery(selection_path(path).with_suffix(".png"), sheet)
    return AutoSelection(table.take(rows), table.take(others), proposal)


def not_selected_path(output: Path) -> Path:
    """Return where the particles that are not selected go."""
    return output.with_name(f"{output.stem}_not_selected{output.suffix}")


def selection_path(output: Path) -> Path:
    """Return where the classes go, with what was decided of each."""
    return output.with_name(f"{output.stem}_selection.star")
