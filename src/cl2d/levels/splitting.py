"""Splitting classes: which to cut in two, and along what."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.two_groups import two_group_evidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import Poses

    Rows = npt.NDArray[np.intp]

SAMPLE_MEMBERS = 1000
"""Members looked at when a class is judged or cut; the next iteration assigns all of them."""

SMALLEST_HALF = 0.1
"""Share of the members below which a half is filled up: a handful of odd images is no class."""


@dataclass(frozen=True)
class Cut:
    """Two halves of (a sample of) a class, and the evidence that they are two groups."""

    gain: float
    first: Rows
    second: Rows


@dataclass(frozen=True)
class Growth:
    """References of a larger number of classes, and the class each came from."""

    references: npt.NDArray[np.complex64]
    parents: npt.NDArray[np.int32]


def find_cut(engine: Engine, rows: Rows, poses: Poses) -> Cut:
    """Cut the members of a class along the leading component of their aligned images.

    Parameters
    ----------
    engine : Engine
    rows : (n,) images of the class, n >= 2; at most ``SAMPLE_MEMBERS``, evenly spread, are used
    poses : Poses of all images of the engine
    """
    if len(rows) > SAMPLE_MEMBERS:
        rows = rows[np.linspace(0, len(rows) - 1, SAMPLE_MEMBERS).astype(np.intp)]
    component = engine.component(rows, poses.take(rows))
    order = np.argsort(component.scores, kind="stable")
    gain, size = two_group_evidence(component.scores[order].astype(np.float64))
    smallest = max(1, int(SMALLEST_HALF * len(rows)))
    size = int(np.clip(size, smallest, len(rows) - smallest))
    return Cut(gain, np.sort(rows[order[:size]]), np.sort(rows[order[size:]]))


class CutQueue:
    """Groups of images and the ways to cut them, the most evidently mixed first.

    A half can be cut again at once, so a class of five views is not held back by the number of
    cuts its siblings need.
    """

    def __init__(self, engine: Engine, poses: Poses) -> None:
        self._engine = engine
        self._poses = poses
        self._queue: list[tuple[float, int, Cut]] = []

    def add(self, slot: int, rows: Rows) -> None:
        """Propose the images of a class; one image alone cannot be cut."""
        if len(rows) >= 2:
            cut = find_cut(self._engine, rows, self._poses)
            heapq.heappush(self._queue, (-cut.gain, slot, cut))

    def pop(self, smallest_gain: float = -np.inf) -> tuple[int, Cut] | None:
        """Return the best cut and the class it is of; None if none gains more than asked."""
        if not self._queue or -self._queue[0][0] <= smallest_gain:
            return None
        _, slot, cut = heapq.heappop(self._queue)
        return slot, cut


def grow_classes(
    engine: Engine,
    labels: npt.NDArray[np.int32],
    poses: Poses,
    n_classes: int,
    n_wanted: int,
) -> Growth:
    """Split classes, the most evidently mixed first, until there are ``n_wanted``.

    Classes keep their numbers, the second half of a cut gets the next free one. Where nothing is
    left to cut (classes of one image) the remaining references are zero.
    """
    groups = [np.flatnonzero(labels == k) for k in range(n_classes)]
    parents = list(range(n_classes))
    queue = CutQueue(engine, poses)
    for slot, rows in enumerate(groups):
        queue.add(slot, rows)
    while len(groups) < n_wanted and (best := queue.pop()) is not None:
        slot, cut = best
        groups[slot] = cut.first
        groups.append(cut.second)
        parents.append(parents[slot])
        queue.add(slot, cut.first)
        queue.add(len(groups) - 1, cut.second)
    parents += [0] * (n_wanted - len(parents))
    references = group_references(engine, groups, poses, n_wanted)
    return Growth(references, np.array(parents, dtype=np.int32))


def group_references(
    engine: Engine, groups: list[Rows], poses: Poses, n_classes: int
) -> npt.NDArray[np.complex64]:
    """Return the normalised averages of groups of images at their present poses."""
    labels = np.full(engine.n_images, -1, dtype=np.int32)
    for slot, rows in enumerate(groups):
        labels[rows] = slot
    return normalised_references(engine.update(labels, poses, n_classes).sums)
