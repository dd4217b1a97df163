"""How the images of a run are cut where the images as read are summed, and in which order.

Rounding makes a sum depend on the order of its additions. Here that depends on the number of images
alone: the images are cut into stretches, each summed in the order of its rows; sums of stretches
are added from left to right within groups, and sums of groups from left to right. So a stretch may
be summed anywhere and at any time without a change of any bit.

A sum takes as much memory as all averages of a run, in float64. Stretches are few and long, so that
few sums are made, and there are two steps, so that those of a large run need not wait for each
other in one long row. The tree of ``block_tree`` would have to hold more of them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from cl2d.engine.block_size import BLOCK_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, order=True)
class Stretch:
    """Images that are summed one after another: rows ``start`` to ``stop`` of a run."""

    start: int
    stop: int

    @property
    def rows(self) -> slice:
        """The rows of the images."""
        return slice(self.start, self.stop)

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.stop - self.start


@dataclass(frozen=True)
class SumShape:
    """In which order images are summed. All runs have the same; tests have smaller ones.

    Attributes
    ----------
    block_images : int
        Stretches are whole blocks, but for the end of the last.
    least_blocks : int
        Of a stretch, where there are as many.
    most_stretches : int
    group_stretches : int
    """

    block_images: int = BLOCK_IMAGES
    least_blocks: int = 4
    most_stretches: int = 256
    group_stretches: int = 16

    def groups(self, n_images: int) -> list[list[Stretch]]:
        """Return the stretches of each group; their lengths differ by a block at most."""
        n_blocks = -(-n_images // self.block_images)
        n_stretches = min(max(n_blocks // self.least_blocks, 1), self.most_stretches)
        ends = [i * n_blocks // n_stretches * self.block_images for i in range(n_stretches)]
        stretches = list(itertools.starmap(Stretch, itertools.pairwise([*ends, n_images])))
        starts = range(0, n_stretches, self.group_stretches)
        return [stretches[start : start + self.group_stretches] for start in starts]

    def sums_at_once(self, n_images: int) -> int:
        """Return how many sums :func:`total_of` holds at a time: 1, 2 or 3."""
        groups = self.groups(n_images)
        if any(len(group) > 1 for group in groups[1:]):
            return 3
        return min(sum(len(group) for group in groups), 2)


SUM_SHAPE = SumShape()


class Addable(Protocol):
    """What sums are made of."""

    def add(self, other: Self, /) -> Any:
        """Add another one in place."""


Sum = TypeVar("Sum", bound=Addable)


def total_of(groups: Sequence[Sequence[Stretch]], sum_of: Callable[[Stretch], Sum]) -> Sum:
    """Return the sum of all groups, each the sum of its stretches; the first is added to."""
    total = _sum_of_group(groups[0], sum_of)
    for group in groups[1:]:
        total.add(_sum_of_group(group, sum_of))
    return total


def _sum_of_group(group: Sequence[Stretch], sum_of: Callable[[Stretch], Sum]) -> Sum:
    total = sum_of(group[0])
    for stretch in group[1:]:
        total.add(sum_of(stretch))
    return total
