"""As many classes as the images call for: cut what is surely mixed, join what is not two.

Both are judged by members that had no part in the averages
(:func:`cl2d.levels.halves.held_out_gains`). A class is cut if two averages fit its held-out
members better than one, by two standard errors in all. Two classes stay apart by the same
measure: they are joined if two averages are not surely better than one. Averages of fewer members
are noisier, so classes end where what a cut would still tell apart is less than the noise it adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.cuts import FEWEST_MEMBERS, SMALLEST_CLASS
from cl2d.levels.joints import copied, find_joints, put_joint
from cl2d.levels.splitting import CutQueue

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import CutRule, Fitted, Rows
    from cl2d.levels.joints import Joint
    from cl2d.results import Poses


@dataclass(frozen=True)
class Adjustment:
    """References after classes were cut, joined or, where they were too small, dropped.

    Attributes
    ----------
    references : (n_classes, n_rings, n_angles / 2) complex64, of the new number of classes
    origin : (n_classes,) int32, the class whose images made each reference
    n_joined : number of classes that were joined to another, or were too small for a class
    n_cut : number of cuts
    """

    references: npt.NDArray[np.complex64]
    origin: npt.NDArray[np.int32]
    n_joined: int
    n_cut: int


def grown_classes(
    engine: Engine, fitted: Fitted, n_classes: int, rule: CutRule, n_most: int
) -> Adjustment:
    """Cut every class that surely gains, halves of a cut too, until there are ``n_most``."""
    groups = _Groups(engine, fitted, n_classes)
    groups.cut(rule, n_most, only_if_sure=False)
    return groups.adjustment()


def adjusted_classes(
    engine: Engine, fitted: Fitted, n_classes: int, rule: CutRule, n_most: int
) -> Adjustment:
    """Join the pairs of which it is not sure that they differ, and cut the other mixed classes."""
    groups = _Groups(engine, fitted, n_classes)
    groups.dissolve()
    groups.join()
    groups.cut(rule, n_most, only_if_sure=True)
    return groups.adjustment()


class _Groups:
    """Groups of images that become classes, and the class that each comes from."""

    def __init__(self, engine: Engine, fitted: Fitted, n_classes: int) -> None:
        self._engine = engine
        self._fitted = fitted
        self._poses: Poses = copied(fitted.poses)
        self._rows: list[Rows] = [np.flatnonzero(fitted.labels == k) for k in range(n_classes)]
        self._origin = list(range(n_classes))
        self._whole = [True] * n_classes
        self._n_joined = self._n_cut = self._n_dissolved = 0

    def dissolve(self) -> None:
        """Drop the groups that are too small for a class, but one at least stays."""
        sizes = np.array([len(rows) for rows in self._rows])
        for slot in np.flatnonzero((sizes > 0) & (sizes < SMALLEST_CLASS)):
            if slot != sizes.argmax():
                self._rows[slot] = self._rows[slot][:0]
                self._whole[slot] = False
                self._n_dissolved += 1

    def join(self) -> None:
        """Join pairs, those that lose least first, no class in two of them."""
        sums = self._engine.update(self._fitted.labels, self._fitted.poses, len(self._rows)).sums
        for joint in find_joints(self._engine, self._fitted, normalised_references(sums)):
            pair = [joint.kept, joint.absorbed]
            if not joint.loss.tells_apart and all(self._whole[k] for k in pair):
                self._put_together(joint)

    def _put_together(self, joint: Joint) -> None:
        moved = self._rows[joint.absorbed]
        put_joint(self._poses, joint, moved)
        self._rows[joint.kept] = np.sort(np.concatenate([self._rows[joint.kept], moved]))
        self._rows[joint.absorbed] = moved[:0]
        self._whole[joint.kept] = self._whole[joint.absorbed] = False
        self._n_joined += 1

    def cut(self, rule: CutRule, n_most: int, *, only_if_sure: bool) -> None:
        """Cut classes that were not joined, the surest first."""
        queue = CutQueue(self._engine, self._fitted, rule, fewest_members=FEWEST_MEMBERS)
        queue.add({slot: rows for slot, rows in enumerate(self._rows) if self._whole[slot]})
        n_classes = sum(len(rows) > 0 for rows in self._rows)
        while n_classes < n_most and (best := queue.pop()) is not None:
            slot, cut = best
            if not (cut.gain.tells_apart if only_if_sure else cut.gain.total > cut.gain.edge):
                continue
            self._rows[slot] = cut.first
            self._rows.append(cut.second)
            self._origin.append(self._origin[slot])
            cut.put_poses(self._poses)
            # Members that were aligned anew do not lie as those do by whom a half would be cut.
            if not rule.realigned:
                queue.add({slot: cut.first, len(self._rows) - 1: cut.second})
            n_classes += 1
            self._n_cut += 1

    def adjustment(self) -> Adjustment:
        """Return the references of all groups that are not empty."""
        kept = [slot for slot, rows in enumerate(self._rows) if len(rows) > 0]
        labels = np.full(self._engine.n_images, -1, dtype=np.int32)
        for number, slot in enumerate(kept):
            labels[self._rows[slot]] = number
        sums = self._engine.update(labels, self._poses, len(kept)).sums
        origin = np.array([self._origin[slot] for slot in kept], dtype=np.int32)
        n_gone = self._n_joined + self._n_dissolved
        return Adjustment(normalised_references(sums), origin, n_gone, self._n_cut)
