"""Aligned images projected on the vectors of their groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.engine.protocol import Projections
from cl2d.engine.storage import gathered_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from cl2d.engine.protocol import GroupVectors
    from cl2d.results import Poses

    Rows = npt.NDArray[np.intp]
    Groups = npt.NDArray[np.int32]
    Values = npt.NDArray[np.float64]

ALIGNED_IMAGES = 1024
"""Images that a thread aligns at a time. Fixed, as it decides the shapes of matrix products, and
these the last bits."""


def portions_of(groups: Groups) -> list[Rows]:
    """Return the images in a group in portions of one block each, ordered by group.

    They depend on the block and the groups of its images alone, not on who does which block.
    """
    portions: list[Rows] = []
    for start in range(0, len(groups), BLOCK_IMAGES):
        of_block = groups[start : start + BLOCK_IMAGES]
        order = np.argsort(of_block, kind="stable")
        order = order[of_block[order] >= 0]
        portions += [
            start + order[first : first + ALIGNED_IMAGES]
            for first in range(0, len(order), ALIGNED_IMAGES)
        ]
    return portions


@dataclass(frozen=True)
class Projector:
    """Aligns images and projects them on the vectors of their groups.

    Attributes
    ----------
    blocks : sequence of ImageBlock, of all images
    groups : (n_images,) int32
    poses : of all images, shifts in working pixels
    vectors : of each group
    """

    blocks: Sequence[_native.ImageBlock]
    groups: Groups
    poses: Poses
    vectors: Sequence[GroupVectors]

    def projected(self, rows: Rows) -> tuple[Rows, list[Values], Values, Values]:
        """Return products by group, those with the class sum and squared lengths of a portion."""
        poses = self.poses.take(rows)
        members = _native.align_members(
            gathered_block(self.blocks, rows),
            poses.psi_rad,
            np.ascontiguousarray(poses.shift_px),
            poses.mirror.astype(np.uint8),
            1,
        )
        flat = members.reshape(len(rows), -1).view(np.float32)
        products: list[Values] = []
        with_sum = np.empty(len(rows))
        for group, part in _runs(self.groups[rows]):
            vectors = self.vectors[group]
            products.append((flat[part] @ vectors.basis.T).astype(np.float64))
            with_sum[part] = flat[part].astype(np.float64) @ vectors.class_sum
        own: Values = np.einsum("ij,ij->i", flat, flat, dtype=np.float64)
        return rows, products, with_sum, own


def _runs(groups: Groups) -> Iterator[tuple[int, slice]]:
    """Yield each group of some that are in order, and where it is."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    ends = [*starts[1:].tolist(), len(groups)]
    for start, end in zip(starts.tolist(), ends, strict=True):
        yield int(groups[start]), slice(start, end)


def gathered_projections(
    n_images: int,
    n_vectors: int,
    found: Iterable[tuple[Rows, list[Values], Values, Values]],
    on_progress: Callable[[int], None] | None,
) -> Projections:
    """Return what was found of portions for all images."""
    products = np.full((n_images, n_vectors), np.nan)
    with_sum = np.full(n_images, np.nan)
    own = np.full(n_images, np.nan)
    done = 0
    for rows, of_groups, with_sums, lengths in found:
        first = 0
        for some in of_groups:
            products[rows[first : first + len(some)], : some.shape[1]] = some
            first += len(some)
        with_sum[rows], own[rows] = with_sums, lengths
        done += len(rows)
        if on_progress is not None:
            on_progress(done)
    return Projections(products, with_sum, own)
