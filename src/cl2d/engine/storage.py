"""Where the coefficients of a run are kept, and in how many bits."""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True)
class Storage:
    """How blocks of coefficients are stored; results of one precision are the same bits.

    Attributes
    ----------
    half : bool
        IEEE binary16 instead of single precision: half the bytes, and each coefficient within 2^-11
        of itself.
    scratch_folder : Path, optional
        Where a file without a name holds the coefficients, instead of memory: the system keeps as
        much of it in memory as there is room for. It is gone with the blocks, or with the process.
    """

    half: bool = False
    scratch_folder: Path | None = None

    def blocks(self, grid: _native.PolarGrid, n_images: int) -> Iterator[_native.ImageBlock]:
        """Make the blocks of some images, all but the last of ``BLOCK_IMAGES``, one by one.

        Raises
        ------
        InputError
            If the scratch folder cannot be written in or has no room for all of them.
        """
        sizes = [min(BLOCK_IMAGES, n_images - start) for start in range(0, n_images, BLOCK_IMAGES)]
        if self.scratch_folder is None or not sizes:
            for size in sizes:
                yield _native.ImageBlock(grid, size, self.half)
            return
        lengths = [_native.ImageBlock.bytes_needed(grid, size, self.half) for size in sizes]
        memory = _mapped_scratch(self.scratch_folder, sum(lengths))
        ends = np.cumsum(lengths)
        for size, length, end in zip(sizes, lengths, ends.tolist(), strict=True):
            yield _native.ImageBlock(grid, size, self.half, memory[end - length : end])


def _mapped_scratch(folder: Path, n_bytes: int) -> npt.NDArray[np.uint8]:
    """Return the bytes, all zero, of a new file that nobody can open.

    The file has no name (or loses it at once), so no end of the process leaves it behind. Its room
    on the disk is taken now: a full disk would otherwise end the process at some later write.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _take_room(file.fileno(), n_bytes)
            return np.frombuffer(mmap.mmap(file.fileno(), n_bytes), dtype=np.uint8)
    except OSError as error:
        message = (
            f"the scratch folder {folder} must hold {n_bytes / 1e9:.1f} GB of coefficients, "
            f"but that failed: {error.strerror}"
        )
        raise InputError(message) from None


def _take_room(file: int, n_bytes: int) -> None:
    """Give a new file its length and its room on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, n_bytes)
        return
    # Elsewhere only what was written surely has its place.
    zeros = bytes(1 << 20)
    for start in range(0, n_bytes, len(zeros)):
        os.pwrite(file, zeros[: n_bytes - start], start)


IN_MEMORY = Storage()
"""Single precision, in memory."""


def gathered(
    storage: Storage, blocks: Sequence[_native.ImageBlock], rows: npt.NDArray[np.intp]
) -> list[_native.ImageBlock]:
    """Return new blocks of copies of some images, in the order of ``rows``.

    ``storage`` must be of the precision of the blocks.
    """
    copies = list(storage.blocks(blocks[0].grid, len(rows)))
    for start, copy in zip(range(0, len(rows), BLOCK_IMAGES), copies, strict=True):
        _copy_images(blocks, rows[start : start + BLOCK_IMAGES], copy)
    return copies


def gathered_block(
    blocks: Sequence[_native.ImageBlock], rows: npt.NDArray[np.intp]
) -> _native.ImageBlock:
    """Return one block in memory of copies of some images, however many."""
    copy = _native.ImageBlock(blocks[0].grid, len(rows), blocks[0].half)
    _copy_images(blocks, rows, copy)
    return copy


def _copy_images(
    blocks: Sequence[_native.ImageBlock], rows: npt.NDArray[np.intp], into: _native.ImageBlock
) -> None:
    into.copy_images(list(blocks), BLOCK_IMAGES, np.ascontiguousarray(rows, dtype=np.int64))
