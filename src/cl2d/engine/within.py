"""Images compared with the references of their own groups only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.engine.chunks import Chunk
from cl2d.engine.protocol import GroupAssignment
from cl2d.engine.rules import ClassicalRule
from cl2d.engine.storage import gathered_block
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from cl2d.engine.chunks import ChunkAssigner
    from cl2d.engine.own_share import OwnShare
    from cl2d.engine.protocol import Assignment, LastPoses

    Rows = npt.NDArray[np.intp]
    Scores = npt.NDArray[np.float32]

PIECE_IMAGES = 1024
"""Images of a group that a thread compares in one go: many for the shifted references that are made
anew for them, few enough for the threads to end together."""


@dataclass(frozen=True)
class Piece:
    """Some images of one group."""

    group: int
    rows: Rows


def pieces_of(groups: npt.NDArray[np.int32], most: int = PIECE_IMAGES) -> list[Piece]:
    """Return the images of each group in pieces of ``most`` images at most; group -1 is none."""
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    return [
        Piece(int(groups[rows[0]]), rows[start : start + most])
        for rows in np.split(order, ends)
        for start in range(0, len(rows), most)
    ]


@dataclass(frozen=True)
class PieceSearch:
    """Compares the images of a piece with the references of their group.

    What is found of an image does not depend on the others in its piece.

    Attributes
    ----------
    blocks : sequence of ImageBlock, of all images
    assigner_of : callable, returns how images are compared with the references of a group
    own : OwnShare, optional, of all groups
    last : LastPoses, optional, of all images if the search is to be fast
    """

    blocks: Sequence[_native.ImageBlock]
    assigner_of: Callable[[int], ChunkAssigner]
    own: OwnShare | None
    last: LastPoses | None

    def found(self, piece: Piece) -> tuple[Piece, Assignment, Scores]:
        """Return the assignment of the images of a piece, and all their scores."""
        rows = piece.rows
        block = gathered_block(self.blocks, rows)
        last = None if self.last is None else self.last.part(rows)
        own = None if self.own is None else self.own.within(piece.group, rows)
        chunk = Chunk(block, _native.TileRange(0, block.n_tiles), slice(0, len(rows)), last)
        assigner = self.assigner_of(piece.group)
        return piece, *assigner.assigned(chunk, ClassicalRule(), None, own)


def gathered_groups(
    n_images: int,
    n_each: int,
    found: Iterable[tuple[Piece, Assignment, Scores]],
    on_progress: Callable[[int], None] | None,
) -> GroupAssignment:
    """Return what was found of the pieces as one assignment of all images."""
    labels = np.full(n_images, -1, dtype=np.int32)
    poses = identity_poses(n_images)
    scores = np.full((n_images, n_each), np.nan, dtype=np.float32)
    done = 0
    for piece, part, of_piece in found:
        labels[piece.rows] = part.labels
        poses.put(piece.rows, part.poses)
        scores[piece.rows] = of_piece
        done += len(piece.rows)
        if on_progress is not None:
            on_progress(done)
    return GroupAssignment(labels, poses, scores)
