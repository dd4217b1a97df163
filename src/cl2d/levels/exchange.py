"""Exchanges at a constant number: two classes of one view become one, and one of two becomes two.

A class that holds two views beside a view that is held by two classes is a state of rest: no image
gains by moving alone. Both halves of the exchange are judged by the same measure, the gain of
members that had no part in the averages (:func:`cl2d.levels.halves.held_out_gains`): of having two
averages in place of one. An exchange is made where the class that is cut gains more than the two
that are joined lose, in all by two standard errors on either side, and for each member too: a large
class of one view can gain much in all by little things, such as the defocus of its members, and
is not to be cut at the cost of a rare view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import ClassicalRule, normalised_references
from cl2d.levels.halves import TotalGain, held_out_gains, total_gain
from cl2d.levels.splitting import SAMPLE_MEMBERS, Cut, find_cut
from cl2d.results import Poses, composed_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.splitting import CutRule, Fitted, Rows

FEWEST_MEMBERS = 20
"""Members below which a class is not cut: its held-out half says nothing."""

PAIRS_PER_CLASS = 2
"""The most alike pairs that are tried for joining, for each class there is."""


@dataclass(frozen=True)
class Exchange:
    """References after an exchange.

    Attributes
    ----------
    references : (n_classes, n_rings, n_angles / 2) complex64
    origin : (n_classes,) int32, the class whose images made each reference; its own, mostly
    n_pairs : number of pairs that were joined, and of classes that were cut
    """

    references: npt.NDArray[np.complex64]
    origin: npt.NDArray[np.int32]
    n_pairs: int


@dataclass(frozen=True)
class _Joint:
    """Two classes and the pose that lays the absorbed one over the kept one."""

    kept: int
    absorbed: int
    pose: Poses
    loss: TotalGain


@dataclass(frozen=True)
class _Section:
    """A class and the best way to cut it."""

    slot: int
    cut: Cut


def exchange_classes(
    engine: Engine, fitted: Fitted, references: npt.NDArray[np.complex64], rule: CutRule
) -> Exchange:
    """Join pairs of like classes and cut as many mixed ones, wherever held-out members gain.

    Parameters
    ----------
    engine : Engine
    fitted : classes, poses and scores of all images
    references : (n_classes, n_rings, n_angles / 2) complex64, the averages of these classes
    rule : CutRule, how a class is cut
    """
    state = _State(engine, fitted, references)
    sections = state.sections(rule)
    chosen = _chosen(sections, state.joints()) if sections else []
    return state.exchanged(chosen)


class _State:
    """The classes as they are, and what could become of them."""

    def __init__(
        self, engine: Engine, fitted: Fitted, references: npt.NDArray[np.complex64]
    ) -> None:
        self._engine = engine
        self._fitted = fitted
        self._references = references
        self._groups = [np.flatnonzero(fitted.labels == k) for k in range(len(references))]

    def sections(self, rule: CutRule) -> list[_Section]:
        """Return the classes that surely gain by being cut, the largest gain a member first."""
        found = []
        for slot, rows in enumerate(self._groups):
            if len(rows) < FEWEST_MEMBERS:
                continue
            cut = find_cut(self._engine, rows, self._fitted, rule)
            if cut.priority > 0:
                found.append(_Section(slot, cut))
        return sorted(found, key=lambda section: -section.cut.priority)

    def joints(self) -> list[_Joint]:
        """Return the most alike pairs of classes, those that would lose least first."""
        views = self._engine.of_references(self._references)
        found = [self._joint(views, *pair) for pair in self._alike_pairs(views)]
        return sorted(found, key=lambda joint: joint.loss.at_most)

    def exchanged(self, chosen: list[tuple[_Joint, _Section]]) -> Exchange:
        """Return the references after some exchanges, no class in two of them."""
        n_classes = len(self._groups)
        origin = np.arange(n_classes, dtype=np.int32)
        labels = np.full(self._engine.n_images, -1, dtype=np.int32)
        poses = _copy(self._fitted.poses)
        for joint, section in chosen:
            moved = self._groups[joint.absorbed]
            _put(poses, moved, composed_poses(joint.pose, poses.take(moved)))
            labels[self._groups[joint.kept]] = labels[moved] = joint.kept
            labels[section.cut.first] = section.slot
            labels[section.cut.second] = joint.absorbed
            origin[joint.absorbed] = section.slot
        averages = normalised_references(self._engine.update(labels, poses, n_classes).sums)
        changed = np.isin(np.arange(n_classes), labels)
        references = np.where(changed[:, None, None], averages, self._references)
        return Exchange(references, origin, len(chosen))

    def _alike_pairs(self, views: Engine) -> list[tuple[int, int]]:
        """Return pairs of classes, the more alike first and the larger class of each pair first."""
        n_classes = len(self._references)
        found = views.assign(self._references, ClassicalRule(), sample=np.arange(n_classes))
        assert found.sampled_scores is not None
        scores = np.maximum(found.sampled_scores, found.sampled_scores.T)
        sizes = np.array([len(rows) for rows in self._groups])
        first, second = np.triu_indices(n_classes, 1)
        judged = np.minimum(sizes[first], sizes[second]) >= 2
        first, second = first[judged], second[judged]
        order = np.argsort(-scores[first, second], kind="stable")[: PAIRS_PER_CLASS * n_classes]
        swap = sizes[first] < sizes[second]
        first, second = np.where(swap, second, first), np.where(swap, first, second)
        return [(int(first[i]), int(second[i])) for i in order]

    def _joint(self, views: Engine, kept: int, absorbed: int) -> _Joint:
        """Lay one class over another, and find what one average of both would lose."""
        one = views.subset(np.array([absorbed]))
        pose = one.assign(self._references[kept : kept + 1], ClassicalRule()).poses
        n_members = len(self._groups[kept]) + len(self._groups[absorbed])
        share = min(1.0, SAMPLE_MEMBERS / n_members)
        still = _evenly(self._groups[kept], share)
        moving = _evenly(self._groups[absorbed], share)
        members = np.concatenate([self._members(still), self._members(moving, pose)])
        gains = held_out_gains(members, np.arange(len(members)) < len(still))
        return _Joint(kept, absorbed, pose, total_gain(gains, n_members))

    def _members(self, rows: Rows, pose: Poses | None = None) -> npt.NDArray[np.complex64]:
        """Return members in the frame of their class, or of the class ``pose`` leads to."""
        poses = self._fitted.poses.take(rows)
        return self._engine.aligned_members(
            rows, poses if pose is None else composed_poses(pose, poses)
        )


def _chosen(sections: list[_Section], joints: list[_Joint]) -> list[tuple[_Joint, _Section]]:
    """Pair the largest gains with the smallest losses, each class in one exchange at most."""
    chosen: list[tuple[_Joint, _Section]] = []
    busy: set[int] = set()
    for section in sections:
        for joint in joints:
            classes = {section.slot, joint.kept, joint.absorbed}
            if len(classes) == 3 and not classes & busy and section.cut.gain.outweighs(joint.loss):
                chosen.append((joint, section))
                busy |= classes
                break
    return chosen


def _evenly(rows: Rows, share: float) -> Rows:
    """Return a share of some rows, evenly spread, two at least."""
    count = max(2, int(share * len(rows)))
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.intp)]


def _copy(poses: Poses) -> Poses:
    return Poses(poses.psi_rad.copy(), poses.shift_px.copy(), poses.mirror.copy())


def _put(poses: Poses, rows: Rows, values: Poses) -> None:
    """Write the poses of some rows, in place."""
    poses.psi_rad[rows] = values.psi_rad
    poses.shift_px[rows] = values.shift_px
    poses.mirror[rows] = values.mirror
