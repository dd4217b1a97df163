"""Copies of images as bytes, for another process to make blocks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.engine.correntropy import WorkingImages
    from cl2d.engine.storage import Storage

    Images = npt.NDArray[np.float32]

CACHE_LINE_BYTES = 64

Block = _native.ImageBlock
Grid = _native.PolarGrid


@dataclass(frozen=True, eq=False)
class PackedImages:
    """Coefficients of at most ``BLOCK_IMAGES`` images, as the bytes of a block.

    ``images`` (n, w, w) are the working images, where the run keeps them.
    """

    memory: npt.NDArray[np.uint8]
    n_images: int
    half: bool
    images: Images | None = None


def empty_block(grid: Grid, n_images: int, *, half: bool) -> Block:
    """Return a block of zeros, in memory."""
    return _native.ImageBlock(grid, n_images, half)


def packed_images(
    grid: Grid,
    blocks: Sequence[Block],
    rows: npt.NDArray[np.intp],
    working: WorkingImages | None = None,
) -> list[PackedImages]:
    """Return copies of some images of blocks, a block at a time.

    With ``working`` those of the same blocks are copied as well.
    """
    half = blocks[0].half
    packed = []
    for start in range(0, len(rows), BLOCK_IMAGES):
        some = rows[start : start + BLOCK_IMAGES]
        memory = _aligned(_native.ImageBlock.bytes_needed(grid, len(some), half))
        block = _native.ImageBlock(grid, len(some), half, memory)
        block.copy_images(list(blocks), BLOCK_IMAGES, np.ascontiguousarray(some, dtype=np.int64))
        images = None if working is None else working.gathered(some)
        packed.append(PackedImages(memory, len(some), half, images))
    return packed


def unpacked_images(
    storage: Storage, grid: Grid, packed: Sequence[PackedImages], order: npt.NDArray[np.intp]
) -> list[Block]:
    """Return blocks of packed images; all but the last hold ``BLOCK_IMAGES``.

    Parameters
    ----------
    storage : Storage
        What keeps them, in the precision in which they are packed.
    grid : PolarGrid
    packed : of PackedImages
    order : (n,) intp
        Number of each image among the packed ones, counted through all of them.
    """
    blocks, numbers = [], []
    for number, part in enumerate(packed):
        memory = part.memory
        if memory.ctypes.data % CACHE_LINE_BYTES or not memory.flags.writeable:
            memory = _aligned(len(part.memory))
            memory[:] = part.memory
        blocks.append(_native.ImageBlock(grid, part.n_images, part.half, memory))
        numbers.append(number * BLOCK_IMAGES + np.arange(part.n_images))
    rows = np.concatenate(numbers)[order]
    copies = list(storage.blocks(grid, len(rows)))
    for start, copy in zip(range(0, len(rows), BLOCK_IMAGES), copies, strict=True):
        some = rows[start : start + BLOCK_IMAGES]
        copy.copy_images(blocks, BLOCK_IMAGES, np.ascontiguousarray(some, dtype=np.int64))
    return copies


def unpacked_working_images(
    packed: Sequence[PackedImages], order: npt.NDArray[np.intp]
) -> list[Images] | None:
    """Return blocks of packed working images, in the same order; None if they are not kept."""
    images = [part.images for part in packed if part.images is not None]
    if not images:
        return None
    together = np.concatenate(images)
    starts = range(0, len(order), BLOCK_IMAGES)
    return [together[order[start : start + BLOCK_IMAGES]] for start in starts]


def _aligned(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Return zeros that begin on a cache line."""
    memory = np.zeros(n_bytes + CACHE_LINE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + n_bytes]
