"""Choose particles of a finished run by class and subset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.outputs.saved_run import read_run_particles
from cl2d.outputs.subset import read_selection, subset_rows, write_subset

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    from cl2d.io import ParticleTable
    from cl2d.outputs.subset import Subset


def select(
    run: str | os.PathLike[str],
    *,
    classes: Collection[int] | None = None,
    selection: str | os.PathLike[str] | None = None,
    subset: Subset = "all",
    output: str | os.PathLike[str] | None = None,
) -> ParticleTable:
    """Return the particles of some classes of a finished run, and write them on request.

    Parameters
    ----------
    run : path
        Output folder of a run, or its particles.star.
    classes : collection of int, optional
        Class numbers as in the files, from 1. None takes every particle, also those in no class.
    selection : path, optional
        The class numbers from a file instead: what the page of the run saves, a JSON list, or a
        STAR table with ``rlnSelected`` for each class.
    subset : "all", "core", "stable-core" or "rejected"
    output : path, optional
        A .star file (RELION 3.1), an .xmd file (Xmipp) or, of a run with datasets, a .cs file
        (cryoSPARC). Rows keep their order, image names and columns.

    Raises
    ------
    InputError
        If there is no such run, class or subset, or if nothing is selected for a file.

    Examples
    --------
    >>> import cl2d
    >>> good = cl2d.select("out", classes=[1, 2, 5], output="good.star")  # doctest: +SKIP
    """
    if classes is not None and selection is not None:
        message = "classes and selection must not both be given"
        raise InputError(message)
    table = read_run_particles(run)
    if selection is not None:
        classes = read_selection(selection, run)
    rows = subset_rows(table, classes, subset)
    if output is not None:
        write_subset(Path(output), table, rows)
    return table.take(rows)
