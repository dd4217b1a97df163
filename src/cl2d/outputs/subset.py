"""Particles of some classes of a finished run, as a table of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from cl2d.errors import InputError, InputFileError
from cl2d.io import StarBlock, read_star, write_star
from cl2d.io.particles_xmd import write_particles_xmd
from cl2d.outputs.cryosparc_files import write_rows_cs

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from cl2d.io import ParticleTable

Subset = Literal["all", "core", "stable-core", "rejected"]
SUBSETS: tuple[Subset, ...] = get_args(Subset)
SELECTED_COLUMN = "rlnSelected"
# What a subset is read from, and the value that is asked for.
_FLAG_OF_SUBSET = {
    "core": ("cl2dIsCore", True),
    "stable-core": ("cl2dIsStableCore", True),
    "rejected": ("cl2dIsCore", False),
}


def subset_rows(
    table: ParticleTable, classes: Collection[int] | None = None, subset: Subset = "all"
) -> npt.NDArray[np.intp]:
    """Return the rows of a run's particles that are in some classes and in a subset.

    Parameters
    ----------
    table : ParticleTable
        A run's particles.star.
    classes : collection of int, optional
        Class numbers as in files, from 1; None takes every row, also those in no class.
    subset : "all", "core", "stable-core" or "rejected"
        "rejected" are the particles that are in no core.

    Raises
    ------
    InputError
        If a class does not exist, or the run has no cores.
    """
    numbers = table.numbers("rlnClassNumber").astype(np.int64)
    keep = np.ones(table.n_rows, dtype=bool)
    if classes is not None:
        _check_classes(classes, int(numbers.max(initial=0)), table)
        keep = np.isin(numbers, list(classes))
    if parse_subset(subset) != "all":
        keep &= _flagged(table, subset)
    return np.flatnonzero(keep)


def write_subset(path: str | Path, table: ParticleTable, rows: npt.NDArray[np.intp]) -> None:
    """Write some rows of a run's particles as .star, .xmd or .cs, by the suffix.

    Raises
    ------
    InputError
        If no row is left or the suffix is another one.
    """
    path = Path(path)
    if path.suffix not in (".star", ".xmd", ".cs"):
        message = f"the particles must be written to a .star, .xmd or .cs file, not '{path}'"
        raise InputError(message)
    if len(rows) == 0:
        message = f"the selection must hold at least one particle of {table.path}, not none"
        raise InputError(message)
    if path.resolve() == table.path.resolve():
        message = f"the selection must be written to a file of its own, not over '{path}'"
        raise InputError(message)
    write_rows(path, table, rows)


def write_rows(path: Path, table: ParticleTable, rows: npt.NDArray[np.intp]) -> None:
    """Write some rows, none maybe, of a particle table as .xmd, .cs or, by default, .star."""
    if path.suffix == ".cs":
        write_rows_cs(path, table, rows)
        return
    taken = table.take(rows)
    if path.suffix == ".xmd":
        write_particles_xmd(path, taken)
    else:
        blocks = {"particles": StarBlock(taken.block.columns)}
        if taken.optics is not None:
            blocks = {"optics": taken.optics, **blocks}
        write_star(path, blocks)


def parse_classes(text: str) -> tuple[int, ...]:
    """Return the class numbers of a list such as "1,4,7" or "1-3,8".

    Raises
    ------
    InputError
        If a part is neither a number from 1 nor a range of them.
    """
    classes: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if first < 1 or last < first or last - first > 1_000_000:
            message = f"classes must be numbers from 1 or ranges like 2-5, not '{part.strip()}'"
            raise InputError(message)
        classes += range(first, last + 1)
    return tuple(dict.fromkeys(classes))


def parse_subset(text: str) -> Subset:
    """Return the subset of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    for name in SUBSETS:
        if text == name:
            return name
    message = f"subset must be one of {', '.join(SUBSETS)}, not '{text}'"
    raise InputError(message)


def read_selection(path: str | Path) -> tuple[int, ...]:
    """Return the class numbers of a selection file.

    A STAR table with one row a class and a column rlnSelected (RELION's
    ``backup_selection.star``), or JSON: a list of class numbers.

    Raises
    ------
    InputFileError
        If the file is neither.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path}: does not exist"
        raise InputFileError(message)
    if path.suffix == ".json":
        return _json_selection(path)
    for block in read_star(path).values():
        if SELECTED_COLUMN in block:
            try:
                chosen = np.atleast_1d(block.numbers(SELECTED_COLUMN))
            except ValueError as error:
                message = f"{path}: {SELECTED_COLUMN} must be 0 or 1 in each row ({error})"
                raise InputFileError(message) from error
            return tuple((np.flatnonzero(chosen != 0) + 1).tolist())
    message = f"{path}: must have a column _{SELECTED_COLUMN}, one row a class"
    raise InputFileError(message)


def _json_selection(path: Path) -> tuple[int, ...]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path}: must be JSON ({error})"
        raise InputFileError(message) from error
    if not isinstance(values, list) or not all(
        isinstance(value, int) and not isinstance(value, bool) for value in values
    ):
        message = f"{path}: must be a list of class numbers, such as [1, 4, 7]"
        raise InputFileError(message)
    return tuple(values)


def _check_classes(classes: Collection[int], n_classes: int, table: ParticleTable) -> None:
    for number in classes:
        if not 1 <= number <= n_classes:
            message = f"classes must be 1 to {n_classes} in {table.path}, not {number}"
            raise InputError(message)


def _flagged(table: ParticleTable, subset: Subset) -> npt.NDArray[np.bool_]:
    column, wanted = _FLAG_OF_SUBSET[subset]
    if column not in table:
        message = (
            f"subset must be all for {table.path}: it has no column {column}; classify with "
            "cores, or run cl2d cores on it"
        )
        raise InputError(message)
    flags: npt.NDArray[np.bool_] = (table.numbers(column) != 0) == wanted
    return flags
