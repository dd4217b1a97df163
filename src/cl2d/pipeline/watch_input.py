"""Looking for new particles: which files are whole, and which of their rows are new."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError, InputFileError
from cl2d.io import open_particles, read_particle_table, relion_table
from cl2d.io.image_names import locate_images
from cl2d.io.joined_tables import joined_tables
from cl2d.pipeline.starting_views import PIXEL_SIZE_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io import ParticleSource, ParticleTable
    from cl2d.pipeline.watch_state import WatchState

TABLE_SUFFIXES = (".star", ".xmd")
STACK_SUFFIXES = (".mrcs", ".mrc", ".stk")
_LINE_END = b"\n"


class NotYetError(Exception):
    """A file that is left for the next look, with the reason."""


@dataclass(frozen=True)
class NewParticles:
    """New rows of one look: their table, and the files that were taken whole."""

    table: ParticleTable | None
    files: dict[str, list[int]]
    kind: str | None
    box_px: int | None
    pixel_size_angstrom: float | None


class Lookout:
    """Looks for new particles in a file or a folder.

    Parameters
    ----------
    watched : Path
    state : WatchState
        What was taken before.

    Attributes
    ----------
    left : why each file of the last look was not taken
    """

    def __init__(self, watched: Path, state: WatchState) -> None:
        self._watched = watched
        self._taken = TakenImages()
        self._files = dict(state.files)
        self._kind = state.kind
        self._box_px = state.box_px
        self._pixel_size_angstrom = state.pixel_size_angstrom
        self._first: ParticleTable | None = None
        self._before: dict[Path, list[int]] = {}
        self.left: dict[str, str] = dict(state.left)
        for portion in state.portions:
            table = read_particle_table(state.table_of_portion(portion.number))
            self._first = self._first or table
            self._taken.add(table)

    def look(self, *, patient: bool) -> NewParticles:
        """Return what is new.

        Parameters
        ----------
        patient : bool
            Take a file only if neither it nor a stack it names has changed since the look before.

        Raises
        ------
        InputError
            If what is watched is not there, or cannot be read as a folder.
        """
        self.left = {}
        seen: dict[Path, list[int]] = {}
        tables = []
        for path in self._candidates():
            try:
                table = self._new_rows(path, seen, patient=patient)
            except (NotYetError, InputError) as error:
                self.left[str(path)] = str(error)
                continue
            except OSError as error:
                self.left[str(path)] = f"{path}: cannot be read ({error.strerror or error})"
                continue
            if table is not None:
                tables.append(table)
        self._before = seen
        joined = joined_tables(tables) if tables else None
        return NewParticles(
            joined, dict(self._files), self._kind, self._box_px, self._pixel_size_angstrom
        )

    def _candidates(self) -> list[Path]:
        """Return the files to look at, in the order of their names."""
        if not self._watched.is_dir():
            if not self._watched.exists():
                message = f"{self._watched}: must be a file or a folder, but does not exist"
                raise InputFileError(message)
            return [self._watched]
        files = [path for path in sorted(self._watched.iterdir()) if path.name[0] != "."]
        tables = [path for path in files if path.suffix.lower() in TABLE_SUFFIXES]
        if self._kind is None and (tables or self._has_stacks(files)):
            self._kind = "tables" if tables else "stacks"
        if self._kind == "stacks":
            if tables:
                self.left |= {
                    str(path): f"{path}: the watch began with the stacks of a folder without tables"
                    for path in tables
                }
            return [path for path in files if path.suffix.lower() in STACK_SUFFIXES]
        return tables

    def _has_stacks(self, files: Iterable[Path]) -> bool:
        return any(path.suffix.lower() in STACK_SUFFIXES for path in files)

    def _new_rows(
        self, path: Path, seen: dict[Path, list[int]], *, patient: bool
    ) -> ParticleTable | None:
        """Return the rows of a file that were not taken before; None if there are none."""
        now = _facts(path)
        if self._files.get(str(path)) == now:
            return None
        _check_ends_with_a_line(path)
        source = open_particles(path)
        for file in (path, *source.files):
            seen[file] = _facts(file)
        changed = [file for file in (path, *source.files) if self._before.get(file) != seen[file]]
        if patient and changed:
            message = f"{changed[0]}: is new, or has changed since the look before"
            raise NotYetError(message)
        if _facts(path) != now:
            message = f"{path}: has changed while it was read"
            raise NotYetError(message)
        self._check_fit(source)
        table = relion_table(source)
        table = table.take(self._taken.new_rows(table))
        if table.n_rows:
            first = self._first or table
            joined_tables([first.take(np.arange(1)), table.take(np.arange(1))])
            self._first = first
            self._box_px = source.box_px
            self._pixel_size_angstrom = source.pixel_size_angstrom
            self._taken.add(table)
        self._files[str(path)] = now
        return table if table.n_rows else None

    def _check_fit(self, source: ParticleSource) -> None:
        if self._box_px is not None and source.box_px != self._box_px:
            message = (
                f"{source.name}: the box must be that of the particles before, {self._box_px} px, "
                f"not {source.box_px} px"
            )
            raise InputError(message)
        own, before = source.pixel_size_angstrom, self._pixel_size_angstrom
        if own is None:  # a table of all particles would have to make one up
            message = f"{source.name}: the pixel size must be in the table or the header of a stack"
            raise InputError(message)
        if before is not None and abs(own / before - 1) > PIXEL_SIZE_TOLERANCE:
            message = (
                f"{source.name}: the pixel size must be that of the particles before, "
                f"{before:g} A, not {own:g} A"
            )
            raise InputError(message)


class TakenImages:
    """Images that were taken, by stack and number: none is taken twice."""

    def __init__(self) -> None:
        self._numbers: dict[str, set[int]] = {}

    def add(self, table: ParticleTable) -> None:
        """Count the images of a table as taken."""
        for stack, number in _images(table):
            self._numbers.setdefault(stack, set()).add(number)

    def new_rows(self, table: ParticleTable) -> npt.NDArray[np.intp]:
        """Return the rows whose images were not taken, the first row of each image."""
        rows = []
        met: set[tuple[str, int]] = set()
        for row, (stack, number) in enumerate(_images(table)):
            if number not in self._numbers.get(stack, ()) and (stack, number) not in met:
                met.add((stack, number))
                rows.append(row)
        return np.array(rows, dtype=np.intp)


def _images(table: ParticleTable) -> Iterable[tuple[str, int]]:
    """Return the whole path of the stack, and the number in it, of each row."""
    located = locate_images(table)
    stacks = [os.path.abspath(name.removesuffix(":mrcs")) for name in located.stack_names]  # noqa: PTH100 - Path.resolve would follow links that may change
    rows = zip(located.stack_of_row.tolist(), located.index_in_stack.tolist(), strict=True)
    return ((stacks[stack], number) for stack, number in rows)


def _facts(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _check_ends_with_a_line(path: Path) -> None:
    """Refuse a table that may be cut within a number, which would read as another number."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        if stream.tell() == 0:
            message = f"{path}: is empty"
            raise NotYetError(message)
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) != _LINE_END:
            message = f"{path}: must end with the end of a line, so it is still being written"
            raise NotYetError(message)
