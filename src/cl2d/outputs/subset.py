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
from cl2d.outputs.folder import RUN_RECORD
from cl2d.outputs.saved_run import read_run_record, run_id

if TYPE_CHECKING:
    import os
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
    check_suffix(path)
    if len(rows) == 0:
        message = f"the selection must hold at least one particle of {table.path}, not none"
        raise InputError(message)
    if path.resolve() == table.path.resolve():
        message = f"the selection must be written to a file of its own, not over '{path}'"
        raise InputError(message)
    write_rows(path, table, rows)


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose suffix tells no format that particles are written in."""
    if Path(path).suffix not in (".star", ".xmd", ".cs"):
        message = f"the particles must be written to a .star, .xmd or .cs file, not '{path}'"
        raise InputError(message)


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


def read_selection(
    path: str | os.PathLike[str], run: str | os.PathLike[str] | None = None
) -> tuple[int, ...]:
    """Return the class numbers of a selection file.

    Parameters
    ----------
    path : path
        A STAR table with one row a class and a column rlnSelected (RELION's
        ``backup_selection.star``), or JSON: a list of class numbers, or what the page of a run
        saves, an object with that list as ``classes`` and its ``run``.
    run : path, optional
        Output folder of the run that the classes are to be chosen of, or its particles.star. A
        file that was saved from the page of another run is refused.

    Raises
    ------
    InputFileError
        If the file is none of these, or of another run.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path}: does not exist"
        raise InputFileError(message)
    if path.suffix == ".json":
        return _json_selection(path, run)
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


def _json_selection(path: Path, run: str | os.PathLike[str] | None) -> tuple[int, ...]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"{path}: must be JSON ({error})"
        raise InputFileError(message) from error
    if isinstance(values, dict):
        _check_run(path, values.get("run"), run)
        values = values.get("classes")
    if not isinstance(values, list) or not all(
        isinstance(value, int) and not isinstance(value, bool) for value in values
    ):
        message = f"{path}: must be a list of class numbers, such as [1, 4, 7]"
        raise InputFileError(message)
    return tuple(values)


def _check_run(path: Path, made_in: object, run: str | os.PathLike[str] | None) -> None:
    """Refuse a selection that names another run than the one at hand, if that has a record."""
    if run is None or not isinstance(made_in, dict):
        return
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    if not (folder / RUN_RECORD).is_file():
        return
    if made_in.get("id") != run_id(read_run_record(folder)):
        message = (
            f"{path}: must be a selection made on the page of '{folder}' as it is now, not of "
            f"'{made_in.get('folder')}' (class numbers change with every run)"
        )
        raise InputFileError(message)


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
