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


def one_block(grid: Grid, packed: Sequence[PackedImages], order: npt.NDArray[np.intp]) -> Block:
    """Return one block of packed images.

    Parameters
    ----------
    grid : PolarGrid
    packed : of PackedImages
    order : (n,) intp
        Number of each image among the packed ones, counted through all of them.
    """
    together = empty_block(grid, len(order), half=packed[0].half)
    copied_into(together, packed, order)
    return together


def working_block(packed: Sequence[PackedImages], order: npt.NDArray[np.intp]) -> Images | None:
    """Return the working images in the order of :func:`one_block`, None if they are not kept."""
    images = [part.images for part in packed if part.images is not None]
    return np.concatenate(images)[order] if images else None


def copied_into(block: Block, packed: Sequence[PackedImages], order: npt.NDArray[np.intp]) -> None:
    """Copy packed images into a block of their precision, in the order of :func:`one_block`."""
    blocks, numbers = [], []
    for number, part in enumerate(packed):
        memory = part.memory
        if memory.ctypes.data % CACHE_LINE_BYTES or not memory.flags.writeable:
            memory = _aligned(len(part.memory))
            memory[:] = part.memory
        blocks.append(_native.ImageBlock(block.grid, part.n_images, part.half, memory))
        numbers.append(number * BLOCK_IMAGES + np.arange(part.n_images))
    rows = np.concatenate(numbers)[order]
    block.copy_images(blocks, BLOCK_IMAGES, np.ascontiguousarray(rows, dtype=np.int64))


def _aligned(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Return zeros that begin on a cache line."""
    memory = np.zeros(n_bytes + CACHE_LINE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + n_bytes]
