"""Splitting classes until there are as many as wanted, the most surely mixed first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.cuts import cuts_of_groups

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, CutRule, Fitted, Rows
    from cl2d.levels.halves import TotalGain
    from cl2d.results import LevelResult, Poses


@dataclass(frozen=True)
class Growth:
    """References of a larger number of classes, and the class each came from."""

    references: npt.NDArray[np.complex64]
    parents: npt.NDArray[np.int32]


class CutQueue:
    """Groups of images and the ways to cut them, first where held-out members gain most.

    A half can be cut again at once, so a class of five views is not held back by the number of
    cuts its siblings need.
    """

    def __init__(
        self, engine: Engine, fitted: Fitted, rule: CutRule, fewest_members: int = 2
    ) -> None:
        self._engine = engine
        self._fitted = fitted
        self._rule = rule
        self._fewest_members = fewest_members
        self._queue: list[tuple[float, int, Cut]] = []

    def add(self, groups: dict[int, Rows], known: dict[int, Cut] | None = None) -> None:
        """Propose the images of classes, save where they are too few; one alone cannot be cut.

        Cuts of some of them may be ``known``.
        """
        known = known or {}
        groups = {k: rows for k, rows in groups.items() if len(rows) >= self._fewest_members}
        unknown = {k: rows for k, rows in groups.items() if k not in known}
        cuts = cuts_of_groups(self._engine, list(unknown.values()), self._fitted, self._rule)
        found = {**known, **dict(zip(unknown, cuts, strict=True))}
        for slot in groups:
            cut = found[slot]
            heapq.heappush(self._queue, (-cut.priority, slot, cut))

    def best_gain(self) -> TotalGain | None:
        """Return what the best cut is worth; None if there is none."""
        return self._queue[0][2].gain if self._queue else None

    def pop(self, *, only_if_sure: bool = False) -> tuple[int, Cut] | None:
        """Return the best cut and the class it is of; None if there is none, or no sure one."""
        if not self._queue or (only_if_sure and self._queue[0][0] >= 0):
            return None
        _, slot, cut = heapq.heappop(self._queue)
        return slot, cut


def grow_classes(
    engine: Engine,
    last: LevelResult,
    n_wanted: int,
    rule: CutRule,
    known: dict[int, Cut] | None = None,
) -> Growth:
    """Split the classes of a level, the most surely mixed first, until there are ``n_wanted``.

    Classes keep their numbers, the second half of a cut gets the next free one. Where nothing is
    left to cut (classes of one image) the remaining references are zero. Cuts of the classes by
    this rule may be ``known``.
    """
    groups = [np.flatnonzero(last.labels == k) for k in range(last.n_classes)]
    parents = list(range(last.n_classes))
    queue = CutQueue(engine, last, rule)
    queue.add(dict(enumerate(groups)), known)
    while len(groups) < n_wanted and (best := queue.pop()) is not None:
        slot, cut = best
        groups[slot] = cut.first
        groups.append(cut.second)
        parents.append(parents[slot])
        queue.add({slot: cut.first, len(groups) - 1: cut.second})
    parents += [0] * (n_wanted - len(parents))
    references = group_references(engine, groups, last.poses, n_wanted)
    return Growth(references, np.array(parents, dtype=np.int32))


def group_references(
    engine: Engine, groups: list[Rows], poses: Poses, n_classes: int
) -> npt.NDArray[np.complex64]:
    """Return the normalised averages of groups of images at their present poses."""
    labels = np.full(engine.n_images, -1, dtype=np.int32)
    for slot, rows in enumerate(groups):
        labels[rows] = slot
    return normalised_references(engine.update(labels, poses, n_classes).sums)
