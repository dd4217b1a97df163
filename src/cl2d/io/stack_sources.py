"""Particles from stack files, with a table or without."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cl2d.io.array_source import check_rows, sample_rows
from cl2d.io.image_names import locate_images
from cl2d.io.open_stacks import OpenStacks
from cl2d.io.particle_table import IMAGE_COLUMN
from cl2d.io.sampling import table_pixel_size
from cl2d.io.stack_files import (
    check_square,
    open_stack_files,
    reachable_table,
    stacks_pixel_size,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable
    from cl2d.io.source import ParticleSource
    from cl2d.io.stack_header import StackHeader


def _file_facts(headers: Iterable[StackHeader]) -> bytes:
    """Return what identifies stack files, wherever they may be moved to."""
    facts = [
        (header.path.name, header.shape, header.dtype.str, header.file_bytes) for header in headers
    ]
    return repr(facts).encode()


def _as_slice(numbers: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    """Return consecutive numbers as a slice, which needs no copy of what it selects."""
    if len(numbers) == 1 or (np.diff(numbers) == 1).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers


def _sampled_pixels(source: ParticleSource) -> Iterable[bytes]:
    for row in sample_rows(source.n_images):
        yield source.read(row, row + 1).tobytes()


class StackSource:
    """All images of one stack file."""

    def __init__(self, header: StackHeader) -> None:
        check_square(header)
        self._header = header
        self._pixel_size_angstrom = header.checked_pixel_size()
        self._stacks = OpenStacks(1)

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return self._header.n_images

    @property
    def box_px(self) -> int:
        """Side of the images in pixels."""
        return self._header.width_px

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Pixel size of the header in Angstrom; None if it has none."""
        return self._pixel_size_angstrom

    @property
    def name(self) -> str:
        """Path of the stack."""
        return str(self._header.path)

    @property
    def files(self) -> tuple[Path, ...]:
        """The stack."""
        return (self._header.path,)

    @property
    def table(self) -> ParticleTable | None:
        """None: a bare stack comes without a table."""
        return None

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""
        check_rows(start, stop, self.n_images)
        images = np.empty((stop - start, self.box_px, self.box_px), np.float32)
        self._stacks.read_into(self._header, [(start, images)])
        return images

    def image_name(self, row: int) -> str:
        """Return a name such as ``000012@stack.mrcs``."""
        return f"{row + 1:06d}@{self.name}"

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of the header and some of the pixels."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        # Kept, so that the record of a run whose disk fails can be written without that disk.
        digest = hashlib.sha256(_file_facts([self._header]))
        for pixels in _sampled_pixels(self):
            digest.update(pixels)
        return digest.hexdigest()


class TableSource:
    """The images named by the rows of a table, in the order of its rows.

    Opening checks every stack file and every row; see `cl2d.io.stack_files`.
    """

    def __init__(self, table: ParticleTable, max_open_files: int = 64) -> None:
        self._table = table
        self._locations = locate_images(table)
        self._headers = open_stack_files(table, self._locations)
        self._reachable = reachable_table(table, self._locations, self._headers)
        self._stacks = OpenStacks(max_open_files)
        self._pixel_size_angstrom = table_pixel_size(table, self.box_px)
        if self._pixel_size_angstrom is None:
            self._pixel_size_angstrom = stacks_pixel_size(table, self._headers)

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return self._table.n_rows

    @property
    def box_px(self) -> int:
        """Side of the images in pixels."""
        return self._headers[0].width_px

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Pixel size of the table, else of the first stack, in Angstrom; None if neither has."""
        return self._pixel_size_angstrom

    @property
    def name(self) -> str:
        """Path of the table."""
        return str(self._table.path)

    @property
    def files(self) -> tuple[Path, ...]:
        """The table and every stack it names."""
        return (self._table.path, *(header.path for header in self._headers))

    @property
    def table(self) -> ParticleTable | None:
        """The table as read, with image names that hold wherever it is written to."""
        return self._reachable

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array.

        Rows may come from any stack in any order: each stack is touched once, in the order of
        its images.
        """
        check_rows(start, stop, self.n_images)
        images = np.empty((stop - start, self.box_px, self.box_px), np.float32)
        stacks = self._locations.stack_of_row[start:stop]
        indices = self._locations.index_in_stack[start:stop]
        order = np.lexsort((indices, stacks))
        boundaries = np.flatnonzero(np.diff(stacks[order])) + 1
        for rows in np.split(order, boundaries) if len(order) else []:
            self._read_stack(self._headers[stacks[rows[0]]], indices[rows], rows, images)
        return images

    def _read_stack(
        self,
        header: StackHeader,
        indices: npt.NDArray[np.int64],
        rows: npt.NDArray[np.intp],
        images: npt.NDArray[np.float32],
    ) -> None:
        """Read images of one stack, in ascending order, to their rows; neighbours at once."""
        breaks = (np.flatnonzero(np.diff(indices) != 1) + 1).tolist()
        parts, scattered = [], []
        for start, end in zip([0, *breaks], [*breaks, len(indices)], strict=True):
            target = _as_slice(rows[start:end])
            if isinstance(target, slice):
                parts.append((int(indices[start]), images[target]))
            else:
                read = np.empty((end - start, *images.shape[1:]), np.float32)
                parts.append((int(indices[start]), read))
                scattered.append((target, read))
        self._stacks.read_into(header, parts)
        for target, read in scattered:
            images[target] = read

    def image_name(self, row: int) -> str:
        """Return the image name as the table has it."""
        return self._table.take(np.array([row])).text(IMAGE_COLUMN[self._table.flavour])[0]

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of image names, stack headers and some of the pixels."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(b"\n".join(self._table.image_names()))
        digest.update(_file_facts(self._headers))
        for pixels in _sampled_pixels(self):
            digest.update(pixels)
        return digest.hexdigest()
