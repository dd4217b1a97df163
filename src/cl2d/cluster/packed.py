"""Images and poses as they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine import Assignment
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

CACHE_LINE_BYTES = 64


@dataclass(frozen=True, eq=False)
class PackedImages:
    """Coefficients of at most ``BLOCK_IMAGES`` images, as the bytes of a block."""

    memory: npt.NDArray[np.uint8]
    n_images: int
    half: bool


def packed_images(
    grid: _native.PolarGrid, blocks: Sequence[_native.ImageBlock], rows: npt.NDArray[np.intp]
) -> list[PackedImages]:
    """Return copies of some images of blocks, a block at a time."""
    half = blocks[0].half
    packed = []
    for start in range(0, len(rows), BLOCK_IMAGES):
        some = rows[start : start + BLOCK_IMAGES]
        memory = _aligned(_native.ImageBlock.bytes_needed(grid, len(some), half))
        block = _native.ImageBlock(grid, len(some), half, memory)
        block.copy_images(list(blocks), BLOCK_IMAGES, np.ascontiguousarray(some, dtype=np.int64))
        packed.append(PackedImages(memory, len(some), half))
    return packed


def one_block(
    grid: _native.PolarGrid, packed: Sequence[PackedImages], order: npt.NDArray[np.intp]
) -> _native.ImageBlock:
    """Return one block of packed images.

    Parameters
    ----------
    grid : PolarGrid
    packed : of PackedImages
    order : (n,) intp
        Number of each image among the packed ones, counted through all of them.
    """
    blocks, numbers = [], []
    for number, part in enumerate(packed):
        memory = _aligned(len(part.memory))
        memory[:] = part.memory
        blocks.append(_native.ImageBlock(grid, part.n_images, part.half, memory))
        numbers.append(number * BLOCK_IMAGES + np.arange(part.n_images))
    rows = np.concatenate(numbers)[order]
    together = _native.ImageBlock(grid, len(order), packed[0].half)
    together.copy_images(blocks, BLOCK_IMAGES, np.ascontiguousarray(rows, dtype=np.int64))
    return together


def _aligned(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Return zeros that begin on a cache line."""
    memory = np.zeros(n_bytes + CACHE_LINE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[start : start + n_bytes]


@dataclass(frozen=True, eq=False)
class PackedPoses:
    """Poses in as few bytes as hold them exactly: 12 and a bit for each that the engine found."""

    psi_rad: npt.NDArray[np.floating]
    shift_px: npt.NDArray[np.floating]
    mirror: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, poses: Poses) -> PackedPoses:
        """Pack poses."""
        return cls(_short(poses.psi_rad), _short(poses.shift_px), np.packbits(poses.mirror))

    def unpacked(self) -> Poses:
        """Return the same poses."""
        n = len(self.psi_rad)
        mirror = np.unpackbits(self.mirror, count=n).astype(bool)
        return Poses(self.psi_rad.astype(np.float64), self.shift_px.astype(np.float64), mirror)


def _short(values: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """Return values in single precision if that holds each of them exactly."""
    single = values.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), values) else values


@dataclass(frozen=True, eq=False)
class PackedAssignment:
    """What a worker found for its images."""

    labels: npt.NDArray[np.int32]
    poses: PackedPoses
    scores: npt.NDArray[np.float32]
    margin: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    sampled_scores: npt.NDArray[np.float32] | None
    fast: bool

    @classmethod
    def of(cls, found: Assignment) -> PackedAssignment:
        """Pack an assignment."""
        return cls(
            found.labels,
            PackedPoses.of(found.poses),
            found.scores,
            found.margin,
            found.confidence,
            found.sampled_scores,
            found.fast,
        )

    def unpacked(self) -> Assignment:
        """Return the same assignment."""
        return Assignment(
            self.labels,
            self.poses.unpacked(),
            self.scores,
            self.margin,
            self.confidence,
            self.sampled_scores,
            self.fast,
        )
