"""Sums over the blocks of a run that come to the same bits in whatever order blocks are done.

Rounding makes a sum depend on the order of its additions. Here that order is a binary tree over the
blocks, fixed by their number alone, so that blocks may be summed anywhere and at any time, and
partial trees may be merged, without a change of any bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Value = npt.NDArray[np.float64] | npt.NDArray[np.complex128]
Place = tuple[int, int]


class BlockTree:
    """Sums of runs of blocks: that at (level, index) is of the 2^level blocks from index 2^level.

    The sums of two neighbours, of (level, 2 i) and (level, 2 i + 1), become one as soon as both are
    there. If blocks come in order, at most log2(n_blocks) + 1 sums are held at a time.

    Values that were added belong to the tree: it changes them in place.
    """

    def __init__(self) -> None:
        self._nodes: dict[Place, Value] = {}
        self._n_blocks = 0

    @property
    def nodes(self) -> dict[Place, Value]:
        """The sums that are held, by level and index."""
        return dict(self._nodes)

    @property
    def n_blocks(self) -> int:
        """Number of blocks that were added."""
        return self._n_blocks

    def add(self, block_number: int, value: Value) -> None:
        """Add the sum of one block, counted from 0.

        Raises
        ------
        ValueError
            If the block was added before.
        """
        self._put((0, block_number), value)
        self._n_blocks += 1

    def merge(self, other: BlockTree) -> None:
        """Add the sums of a tree over other blocks of the same run; it is empty afterwards.

        Raises
        ------
        ValueError
            If a block is in both.
        """
        for place, value in other.nodes.items():
            self._put(place, value)
        self._n_blocks += other._n_blocks
        other._nodes.clear()
        other._n_blocks = 0

    def total(self, n_blocks: int) -> Value:
        """Return the sum of all blocks; the tree is empty afterwards.

        Where the number of blocks is no power of two, the last sum of a level may have no
        neighbour: it is that of the next level, too.

        Raises
        ------
        ValueError
            If not just the blocks 0 to ``n_blocks`` - 1 were added.
        """
        level, last = 0, n_blocks - 1
        while last > 0:
            if last % 2 == 0 and (level, last) in self._nodes:
                self._put((level + 1, last // 2), self._nodes.pop((level, last)))
            level, last = level + 1, last // 2
        if set(self._nodes) != {(level, 0)} or self._n_blocks != n_blocks:
            held = f"{self._n_blocks} in the sums {sorted(self._nodes)}"
            message = f"the blocks added must be the {n_blocks} of the run, not {held}"
            raise ValueError(message)
        self._n_blocks = 0
        return self._nodes.pop((level, 0))

    def _put(self, place: Place, value: Value) -> None:
        """Hold a sum, or merge it with its neighbour, and that sum with its own."""
        self._refuse_twice(place)
        level, index = place
        neighbour = (level, index ^ 1)
        while neighbour in self._nodes:
            other = self._nodes.pop(neighbour)
            left, right = (other, value) if index % 2 else (value, other)
            left += right
            value = left
            level, index = level + 1, index // 2
            neighbour = (level, index ^ 1)
        self._nodes[level, index] = value

    def _refuse_twice(self, place: Place) -> None:
        """Raise ValueError if a sum held has blocks of this place in it."""
        level, index = place
        for held_level, held_index in self._nodes:
            low, high = sorted([(level, index), (held_level, held_index)])
            if low[1] >> (high[0] - low[0]) == high[1]:
                message = f"each block must be added once, not twice: {place} is in the sum"
                raise ValueError(message)
